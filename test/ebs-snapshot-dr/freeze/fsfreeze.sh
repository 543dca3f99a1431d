#!/bin/sh
# fsfreeze without a kernel: what is frozen is a directory below $FREEZE_DIR/frozen. As in the kernel, a freeze that has
# begun cannot be killed: it goes on in a session of its own, with the descriptors of whoever began it.
mode=$1
name=${2#/}
if [ "$mode" = -f ] && [ -z "${FREEZE_KERNEL:-}" ]; then
  FREEZE_KERNEL=1 exec setsid -w "$0" "$@"
fi
trap '' HUP INT TERM
now() { read -r up rest </proc/uptime; at=${up%.*}${up#*.}; }
strike() {
  [ -z "$1" ] || { read -r main <"$FREEZE_DIR/main"; kill -s "${1#*:}" -- "$([ "${1%%:*}" = group ] && echo "-$main" || echo "$main")"; } 2>/dev/null
}
plan="$FREEZE_DIR/plan/$name"
if [ "$mode" = -f ]; then
  read -r delay outcome before after <"$plan"
  [ "$before" = - ] && before=
  [ "$after" = - ] && after=
  strike "$before"
  [ "$delay" = 0 ] || sleep "$delay"
  [ "$outcome" = ok ] || exit 1
  now
  mkdir "$FREEZE_DIR/frozen/$name" 2>/dev/null || exit 1
  echo "F $name $at" >>"$FREEZE_DIR/log"
  strike "$after"
  exit 0
fi
[ -d "$FREEZE_DIR/frozen/$name" ] || exit 1
# Fails so many times although it is frozen.
rmdir "$plan.stubborn.1" 2>/dev/null && exit 1
rmdir "$plan.stubborn.2" 2>/dev/null && exit 1
rmdir "$FREEZE_DIR/frozen/$name" 2>/dev/null || exit 1
now
echo "U $name $at" >>"$FREEZE_DIR/log"
