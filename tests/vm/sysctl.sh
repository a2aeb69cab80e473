# SPDX-License-Identifier: GPL-2.0-or-later
# The sysctls of the number of threads, and the module parameters: ranges, bad
# input, effect.  place.sh has those of where threads run.

settings() { echo $(cat $SYSCTL/min-threads $SYSCTL/max-threads $SYSCTL/vslow-percentage); }
# By dd: the shell's own printf does not tell why a write failed
tell() { printf "$2" >/tmp/in; dd if=/tmp/in of=$SYSCTL/$1 bs=64k conv=notrunc; }
set_to() { echo "$2" >"$SYSCTL/$1"; }

# accepted FILE TEXT MEANING, refused FILE TEXT; texts as printf has them
accepted() {
	check "$1: '$2' is accepted" tell "$1" "$2"
	is "$1: '$2' holds" "$3" "$(cat $SYSCTL/$1)"
}
refused() {
	local before="$(settings)" out
	out=$(tell "$1" "$2" 2>&1)
	case $out in
	*"Invalid argument"*) is "$1: '$2' is refused" "$before" "$(settings)" ;;
	*) not_ok "$1: '$2' is refused" "said: ${out:-nothing}" "settings: $(settings)" ;;
	esac
}

# like_kernel NAME COMMAND...: does to our file what it does to one of the kernel's
# own, COMMAND being given the file
like_kernel() {
	local name="$1" theirs ours; shift
	echo 50 >/proc/sys/vm/swappiness
	echo 50 >$SYSCTL/vslow-percentage
	"$@" /proc/sys/vm/swappiness >/dev/null 2>&1
	theirs="$? $(cat /proc/sys/vm/swappiness)"
	"$@" $SYSCTL/vslow-percentage >/dev/null 2>&1
	ours="$? $(cat $SYSCTL/vslow-percentage)"
	is "$name as with the kernel's own" "$theirs" "$ours"
}

# by_parameters TEXT MIN MAX SHARE [PARAMETER...]: what loads so has at least, at
# most, and for very slow items so many threads, as far as callers can tell
by_parameters() {
	local text="$1" least="$2" most="$3" share="$4"; shift 4
	check "$text: it loads" load slow_work "$@"
	load slow_work_caller
	wait_for "$text: the minimum is $least" 60 threads_are "$least"
	order close
	order vslow "$most"
	wait_for "$text: very slow items take $share threads" 60 state_is vslow "$share"
	order slow "$most"
	wait_for "$text: the maximum is $most" 60 state_is executing "$most"
	is "$text: no more threads than that" "$most" "$(threads)"
	is "$text: no more for very slow items either" "$share" "$(state most-vslow)"
	order open
	wait_for "$text: every item runs" 60 state_is executed $((2 * most))
	unload slow_work_caller
	unload slow_work
}

if ! have_sysctl; then
	by_parameters "without any" 2 4 2
	by_parameters "given all" 3 10 8 min_threads=3 max_threads=10 vslow_percentage=80
	for p in min_threads=1 max_threads=256 vslow_percentage=100 min_threads=x; do
		check_not "$p is refused" load slow_work $p
	done
	skip "the files" "no sysctls"
	plan
	exit
fi

load slow_work
is "modes" "644 644 644 644 644 644 644" "$(echo $(stat -c %a $SYSCTL/*))"
is "nothing else is there" "cpumask histograms max-threads min-threads nice stall-warn-secs vslow-percentage" "$(echo $(ls $SYSCTL))"
cpus=$(grep -c ^processor /proc/cpuinfo)
is "start values" "2 $((cpus > 4 ? cpus : 4)) 50" "$(settings)"
is "CPUs are those of unbound workqueues" "$(cat /sys/devices/virtual/workqueue/cpumask)" "$(cat $SYSCTL/cpumask)"
is "stalls are reported after" 120 "$(cat $SYSCTL/stall-warn-secs)"
is "no thread without a user" 0 "$(threads)"

# --- ranges

accepted max-threads 255 255
refused max-threads 256
refused max-threads 1
accepted min-threads 3 3
refused max-threads 2
accepted max-threads 3 3
refused min-threads 4
refused min-threads 1
refused min-threads 0
accepted max-threads 20 20
accepted min-threads '20\n' 20
accepted min-threads 2 2
accepted vslow-percentage 1 1
accepted vslow-percentage 99 99
refused vslow-percentage 0
refused vslow-percentage 100
is "a failed write leaves the others alone" "2 20 99" "$(settings)"

# --- notation

for f in min-threads max-threads vslow-percentage; do
	for bad in '\n' ' ' '\t\n' -3 - + x 3x 'x3' '3 4' '3\n4' '3,4' 3.0 0x 0xg 08 '3\0004' \
			2147483648 4294967298 18446744073709551618 -2147483649 \
			99999999999999999999999 '\377\376' '--3' ; do
		refused $f "$bad"
	done
done
accepted max-threads ' 21' 21
accepted max-threads '22 ' 22
accepted max-threads '\t23\n' 23
accepted max-threads 0x18 24
accepted max-threads 031 25
like_kernel "a write at an offset goes" sh -c 'printf 30 | dd bs=1 seek=1 conv=notrunc of=$0'
like_kernel "a longer write than a page goes" sh -c '{ echo 30; head -c 9000 /dev/zero |
	tr "\0" "\n"; } | dd bs=16k conv=notrunc of=$0'
like_kernel "a page of digits goes" sh -c 'head -c 9000 /dev/zero | tr "\0" 1 |
	dd bs=16k conv=notrunc of=$0'
like_kernel "an empty write goes" sh -c 'printf "" | dd bs=1 conv=notrunc of=$0'

# --- effect

set_to max-threads 4; set_to min-threads 2; set_to vslow-percentage 50
load slow_work_caller
wait_for "the first user brings the minimum" 60 threads_are 2
is "their names" "kslowd000 kslowd001" "$(cat $(kslowd_pids | sed 's,.*,/proc/&/comm,') | sort | xargs)"
for p in $(kslowd_pids); do
	is "niceness of a thread" -5 "$(cut -d' ' -f19 /proc/$p/stat)"
	wait_for "an idle thread sleeps interruptibly" 60 grep -q '(kslowd0*[0-9]*) [SI] ' /proc/$p/stat
done
set_to min-threads 4
wait_for "raising the minimum starts threads at once" 60 threads_are 4
set_to min-threads 2
wait_for "lowering it lets them go" 60 threads_are 2

order close
order slow 30
wait_for "the pool grows to the maximum while all its threads are blocked" 60 state_is executing 4
is "and no further" 4 "$(threads)"
set_to max-threads 9
wait_for "raising the maximum adds threads to those blocked" 60 state_is executing 9
is "no more of them than that" 9 "$(threads)"
set_to max-threads 3
order open
wait_for "every item runs" 60 state_is executed 30
wait_for "lowering the maximum takes threads away" 60 threads_are 2

# very slow items take their share of ten threads and no more; a slow item gets
# through beside them, and shows that the pool has had its time
share() {
	set_to vslow-percentage "$1"
	order close
	order vslow 25
	wait_for "$1 % of ten threads are $2" 60 state_is vslow "$2"
	order slow 1
	wait_for "a slow item starts beside them ($1 %)" 60 state_is executing $(($2 + 1))
	is "no more very slow ones do ($1 %)" "$2" "$(state most-vslow)"
}
set_to max-threads 10; set_to min-threads 10
wait_for "ten threads" 60 threads_are 10
share 50 5
set_to vslow-percentage 80
wait_for "a raised share holds for those that wait" 60 state_is vslow 8
order open
wait_for "every item runs" 60 state_is executed 56
share 1 1
order open
wait_for "every item runs" 60 state_is executed 82
share 99 9
order open
wait_for "every item runs" 60 state_is executed 108
set_to min-threads 2; set_to max-threads 2
wait_for "two threads" 60 threads_are 2
share 99 1
order open
wait_for "every item runs" 60 state_is executed 134
order cancel
is "gets and puts balance" "$(state gets)" "$(state puts)"
if ! have_unload; then
	skip "module parameters, which want another load" "no unloading"
	plan
	exit
fi
unload slow_work_caller
is "no thread is left" 0 "$(threads)"
unload slow_work

# --- module parameters

loads_as() {
	local wanted="$1"; shift
	load slow_work "$@"
	is "parameters: $*" "$wanted" "$(settings)"
	unload slow_work
}
said() { dmesg | grep -q "$1"; }
does_not_load() {
	dmesg -c >/dev/null
	check_not "parameters: $* fails" load slow_work "$@"
	check "parameters: $* says why" said "${1%%=*}"
	! loaded slow_work || unload slow_work
}
loads_as "3 7 20" min_threads=3 max_threads=7 vslow_percentage=20
loads_as "2 5 50" max_threads=5
loads_as "10 10 50" min_threads=10
loads_as "2 2 1" min_threads=2 max_threads=2 vslow_percentage=1
loads_as "2 4 99" vslow_percentage=99
loads_as "2 255 50" max_threads=255
loads_as "255 255 50" min_threads=255
for p in min_threads=1 min_threads=0 min_threads=-1 min_threads=256 max_threads=1 max_threads=256 \
		max_threads=-5 vslow_percentage=0 vslow_percentage=100 vslow_percentage=-1; do
	does_not_load $p
done
for p in min_threads=x max_threads= vslow_percentage=5x min_threads=99999999999; do
	check_not "parameters: $p fails" load slow_work $p
done
# blames TEXT PARAMETER...: it does not load, and nothing else is said
blames() {
	local text="$1"; shift
	dmesg -c >/dev/null
	check_not "parameters: $* fails" load slow_work "$@"
	# busybox may try twice
	is "parameters: $* says what" "Slow work thread pool: Parameter $text" \
		"$(dmesg | sed -n 's/.*\(Slow work thread pool: \)/\1/p' | sort -u)"
	! loaded slow_work || unload slow_work
}
blames "min_threads: 6 is not from 2 to 5" min_threads=6 max_threads=5
blames "min_threads: 3 is not from 2 to 2" min_threads=3 max_threads=2
blames "max_threads: 1 is not from 3 to 255" min_threads=3 max_threads=1
blames "vslow_percentage: 100 is not from 1 to 99" max_threads=3 vslow_percentage=100
check "nothing is left of them" [ ! -e $SYSCTL ]
plan
