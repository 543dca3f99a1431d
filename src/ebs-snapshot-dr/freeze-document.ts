import { FREEZE_PARAMETER } from './contract';

/** Places on the instance the script uses; tests have their own. */
export interface FreezePlaces {
  /** On a file system in memory: nothing is written to a disk while file systems are frozen. */
  readonly state: string;
  readonly cgroups: string;
}

const PLACES: FreezePlaces = { state: '/run/ebsdr', cgroups: '/sys/fs/cgroup' };

/**
 * Freezes file systems, and thaws them whatever happens. POSIX shell with util-linux (fsfreeze, flock, setsid) as Amazon Linux,
 * Ubuntu and RHEL have it.
 *
 * A watchdog in a session of its own is armed before the first file system freezes. It alone thaws: at the end of the time, when
 * it is asked to, or when the freezing process ends without success. Whoever freezes holds a lock (descriptor 9) that only its
 * end releases, so the watchdog goes on thawing until nobody can freeze any more: an fsfreeze that hangs cannot be stopped. It
 * lets go a second early, which is for its own calls.
 */
export function freezeScript({ state, cgroups }: FreezePlaces = PLACES): string {
  return `set -u
umask 077
action='{{ ${FREEZE_PARAMETER.action} }}'
paths='{{ ${FREEZE_PARAMETER.paths} }}'
seconds='{{ ${FREEZE_PARAMETER.maxFrozenSeconds} }}'
run='${state}'
state="$run/freeze.{{ ${FREEZE_PARAMETER.id} }}"

say() { echo "$1" >&2; }
await_end() {
  tries=0
  while [ -d "$state" ]; do
    tries=$((tries + 1))
    [ "$tries" -le 50 ] || return 1
    sleep 0.2
  done
}

if [ "$action" = thaw ]; then
  { [ ! -d "$state" ] || : >"$state/thaw"; } 2>/dev/null
  await_end || { say 'the watchdog is still thawing'; exit 1; }
  exit 0
fi

for tool in fsfreeze flock setsid stat; do
  command -v "$tool" >/dev/null || { say "$tool is not installed"; exit 1; }
done
old_ifs=$IFS
IFS=:
for path in $paths; do
  device=$(stat -c %d "$path") || exit 1
  for needed in / /run /tmp /var/lib/amazon; do
    [ "$(stat -c %d "$needed" 2>/dev/null)" != "$device" ] || { say "$path is on the same file system as $needed, which cannot be frozen safely"; exit 1; }
  done
done
IFS=$old_ifs

mkdir -p "$run" && exec 8>"$run/lock" || exit 1
flock -n 8 || { say 'another freeze is under way'; exit 1; }
rm -rf "$run"/freeze.*
mkdir "$state" && exec 9>"$state/freezing" && flock 9 || exit 1
cat >"$state/watchdog" <<'WATCHDOG' || exit 1
state=$1 paths=$2 seconds=$3
trap '' HUP INT QUIT TERM PIPE
# Not to be killed with the agent, or for want of memory.
{ echo $$ >${cgroups}/cgroup.procs; echo $$ >${cgroups}/systemd/cgroup.procs; echo -1000 >/proc/self/oom_score_adj; } 2>/dev/null
clock() { read -r up rest </proc/uptime; now=\${up%.*}\${up#*.}; }
thaw() {
  workers=
  IFS=:
  for path in $paths; do
    fsfreeze -u "$path" &
    workers="$workers:$!"
  done
  thawed=0
  for worker in $workers; do
    [ -z "$worker" ] || wait "$worker" || thawed=1
  done
  return "$thawed"
}
is_freezing() { [ -e "$state/freezing" ] && ! flock -n "$state/freezing" true; }
clock
end=$((now + seconds * 100 - 100))
: >"$state/armed"
while clock; [ "$now" -lt "$end" ] && [ ! -e "$state/thaw" ]; do
  [ -e "$state/frozen" ] || is_freezing || [ -e "$state/frozen" ] || break
  sleep 0.2
done
: >"$state/over"
thaw
while is_freezing; do
  sleep 0.1
  thaw
done
thaw || { sleep 0.2; thaw; } || { sleep 0.2; thaw; }
rm -rf "$state"
WATCHDOG
setsid sh "$state/watchdog" "$state" "$paths" "$seconds" 9>&- </dev/null >/dev/null 2>&1 &

tries=0
while [ ! -e "$state/armed" ]; do
  tries=$((tries + 1))
  [ "$tries" -le 50 ] || { say 'the watchdog does not start'; exit 1; }
  sleep 0.1
done
give_up() {
  say "$1"
  : >"$state/thaw"
  exec 9>&-
  await_end
  exit 1
}
from=$(date -u +%Y-%m-%dT%H:%M:%SZ)
IFS=:
for path in $paths; do
  [ ! -e "$state/over" ] || give_up 'the time was up before all were frozen'
  fsfreeze -f "$path" || give_up "$path could not be frozen"
done
[ ! -e "$state/over" ] || give_up 'the time was up before all were frozen'
echo "frozen since $from for $seconds seconds at most" >"$state/frozen" || give_up 'no room for notes'
cat "$state/frozen"
`;
}

/** SSM document, schema 2.2 (Systems Manager user guide, "Command document plugin reference"). Parameters are put into the text as they are. */
export const FREEZE_DOCUMENT = {
  schemaVersion: '2.2',
  description: 'Freezes file systems for a snapshot; they thaw by themselves.',
  parameters: {
    [FREEZE_PARAMETER.action]: { type: 'String', description: 'freeze or thaw', allowedValues: ['freeze', 'thaw'] },
    [FREEZE_PARAMETER.id]: { type: 'String', description: 'Of one freeze; its thaw carries the same', allowedPattern: '^[0-9a-f-]{1,64}$' },
    [FREEZE_PARAMETER.paths]: {
      type: 'String',
      description: 'Mount points, separated by colons',
      allowedPattern: '^(/[A-Za-z0-9._-]+)+(:(/[A-Za-z0-9._-]+)+)*$',
    },
    [FREEZE_PARAMETER.maxFrozenSeconds]: { type: 'String', description: 'When they thaw by themselves', allowedPattern: '^[1-9][0-9]{0,2}$' },
  },
  mainSteps: [{
    action: 'aws:runShellScript',
    name: 'freeze',
    precondition: { StringEquals: ['platformType', 'Linux'] },
    inputs: { timeoutSeconds: '180', runCommand: freezeScript().split('\n') },
  }],
};
