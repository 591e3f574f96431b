#!/usr/bin/env bash
# The third tier of checks: damaged files and jobs that are killed, at random, for --minutes (60), half of it each.
# Exit code 1 when either finds something; what it found stays in runs/nightly/DATE, with the log and its seed.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

minutes=60
case $#,${1-} in
  0,) ;;
  2,--minutes) minutes=$2 ;;
  *) echo "usage: tests/nightly.sh [--minutes N]" >&2 && exit 2 ;;
esac
[[ $minutes =~ ^[1-9][0-9]*$ ]] || { echo "--minutes $minutes: give a whole number, at least 1" >&2 && exit 2; }

seed=$(date +%Y%m%d) # another one every night, and one that can be given again
keep=runs/nightly/$(date +%Y%m%d-%H%M%S)
mkdir -p "$keep"
failed=0
campaign() { # campaign NAME ARGUMENTS
  echo "== python -m experiments.benchmarks.$*"
  python -m "experiments.benchmarks.$@" || failed=1
}
{
  campaign fuzz --seconds $((minutes * 30)) --seed "$seed" --keep "$keep/fuzz"
  campaign kill --seconds $((minutes * 30)) --times 100000 --seed "$seed" --work "$keep/kill" --signals KILL TERM INT
  exit $failed
} 2>&1 | tee "$keep/log"
failed=$?
if ((failed)); then echo "something was found: $keep" >&2; else rm -rf "$keep/kill"; fi
exit $failed
