#!/bin/sh
# Each file system of the test is a device of its own; everything else is on one.
case $3 in
  /fs*) echo "10${3#/fs}" ;;
  *) echo 1 ;;
esac
