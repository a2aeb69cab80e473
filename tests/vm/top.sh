# SPDX-License-Identifier: GPL-2.0-or-later
# slow-work-top, in Debian's Python, on a disk that top.host made: what it shows is
# held against what the caller was ordered to do.

mount -o ro /dev/vda /mnt
mount -t proc proc /mnt/proc
mount -t sysfs sys /mnt/sys
mount --bind /dev /mnt/dev
mount --bind /tmp /mnt/tmp
mkdir /dev/pts
mount -t devpts devpts /mnt/dev/pts
debian() { PATH=/usr/bin:/bin chroot /mnt "$@"; }
top() { debian slow-work-top "$@"; }
# says NAME MESSAGE OPTION...: the tool ends with 1 and that line alone
says() {
	local name=$1 message=$2 out status; shift 2
	out=$("$@" 2>&1 </dev/null)
	status=$?
	is "$name" "1: slow-work-top: $message" "$status: $out"
}
STATS=/sys/kernel/debug/slow_work/stats-values

# --- why there is nothing to show
says "the module is not loaded" "$STATS: the module is not loaded: modprobe slow_work" top --once
load slow_work min_threads=2 max_threads=4
echo 0 >$SYSCTL/stall-warn-secs
says "debugfs is not mounted" "$STATS: debugfs is not there: mount -t debugfs none /sys/kernel/debug" top --once
mount -t debugfs debug /mnt/sys/kernel/debug
check "now it shows something" top --once
says "who is not root" "$STATS: only root may read it" debian python3 -c '
import os
os.setuid(65534)
os.execvp("slow-work-top", ["slow-work-top", "--json"])'
says "the wrong directory" "/sys/kernel/debug/slow_work/slow_work/stats-values: there is no slow_work in /sys/kernel/debug/slow_work; --debugfs wants the directory above it" \
	top --once --debugfs /sys/kernel/debug/slow_work
mkdir /tmp/copy /tmp/copy/slow_work
says "an empty copy" "/tmp/copy/slow_work/stats-values: there is no such file" top --once --debugfs /tmp/copy
says "no terminal" "this is no terminal: use --once, --batch or --json" top
is "no such column" "2 1" "$(top --sort beauty 2>/tmp/said; echo $?) $(grep -c "invalid choice: 'beauty'" /tmp/said)"

# --- what there is
load slow_work_caller
occupy
order slow 3
order vslow 4
order delayed 2 5000000

take() { top --json --once "$@" >/tmp/json && [ "$(wc -l </tmp/json)" = 1 ]; }
# of EXPRESSION: its value, of the object taken last
cat >/tmp/of.py <<'PYTHON'
import json, sys
found = json.load(open("/tmp/json"))
pool, items = found["pool"], found["items"]
classes, owners = ({row["name"]: row for row in found[kind]} for kind in ("classes", "owners"))
def row(of, *fields): return " ".join(f"{of[field]}" for field in fields)
def of(state, *fields): return "; ".join(row(item, *fields) for item in items if item["state"] == state)
value = eval(sys.argv[1])
print(value)
sys.exit(value is False)
PYTHON
of() { debian python3 /tmp/of.py "$1"; }
settled() { take && of 'pool["blocked"] == 4 and min(item["age"] for item in items) >= 2'; }
wait_for "all are blocked, and two seconds old" 60 settled
note "$(cat /tmp/json)"
is "the pool" "4 0 4 4 0" "$(of 'row(pool, "threads", "idle", "executing", "blocked", "sleeping")')"
is "its settings" "2 4 50 2" "$(of 'row(pool, "min-threads", "max-threads", "vslow-percentage", "vslow-limit")')"
is "its past" "4 4 0 0 0" "$(of 'row(pool, "peak", "started", "culled", "start-failures", "stalls")')"
counts='"queued", "executing", "armed", "rate", "executed", "merged", "deferred", "cancelled", "refused"'
is "the classes" "slow vslow" "$(of '" ".join(classes)')"
is "slow items" "3 2 2 None 0 0 0 0 0" "$(of "row(classes['slow'], $counts)")"
is "very slow items" "4 2 0 None 0 0 0 0 0" "$(of "row(classes['vslow'], $counts)")"
is "the owners" "nobody slow_work_caller" "$(of '" ".join(sorted(owners))')"
is "the caller's" "7 4 2 None 0 0 0 0 0" "$(of "row(owners['slow_work_caller'], $counts)")"
is "nobody's" "0 0 0 None 0 0 0 0 0" "$(of "row(owners['nobody'], $counts)")"
is "no times are measured" "False 0.0 0.0 0.0 0.0" "$(of 'row({**owners["slow_work_caller"], **found}, "histograms", "wait", "wait99", "run", "run99")')"
is "who executes" "10 vslow None caller: vslow 0; 10 vslow None caller: vslow 1; 2 slow None caller: slow 2; 2 slow None caller: slow 3" \
	"$(of '"; ".join(sorted(of("executing", "flags", "class", "list", "desc").split("; "), key=lambda line: line[-1]))')"
is "by which thread" "$(for p in $(kslowd_pids); do echo "$(cat "/proc/$p/comm") $p"; done | sort)" \
	"$(of '"\n".join("kslowd%(thread)03d %(pid)d" % item for item in items if item["state"] == "executing")')"
is "what waits" "1 slow None sq caller: slow 4; 1 slow None sq caller: slow 5; 1 slow None sq caller: slow 6; 9 vslow None vsq caller: vslow 7; 9 vslow None vsq caller: vslow 8; 9 vslow None vsq caller: vslow 9; 9 vslow None vsq caller: vslow 10" \
	"$(of 'of("queued", "flags", "class", "thread", "list", "desc")')"
is "what is armed" "33 slow None dly caller: delayed 11; 33 slow None dly caller: delayed 12" \
	"$(of 'of("armed", "flags", "class", "thread", "list", "desc")')"
# stats-values are read before runqueue, whose ages are whole seconds
is "the oldest of each" True "$(of 'all(1 <= classes[name]["oldest"] < 1 + max(item["age"] for item in items if item["state"] == "queued" and item["class"] == name) for name in classes)')"
is "the caller's oldest" True "$(of 'owners["slow_work_caller"]["oldest"] == max(row["oldest"] for row in classes.values())')"
is "when what is armed is due" True "$(of 'all(0 < item["age"] <= 5000 and item["mark"] == "%ds" % item["age"] for item in items if item["state"] == "armed")')"
is "since when" "$(sed -n 's/^since-ms //p' $STATS | awk '{ print ($1 > 1000) }')" "$(of 'int(found["since"] > 1)')"

# --- a screen
top --once >/tmp/screen
note "$(cat /tmp/screen)"
# words N LINE: the first words of LINE
words() { echo "$2" | awk -v n="$1" '{ NF = NF < n ? NF : n; $1 = $1; print }'; }
table() { awk -v head="$1" '$1 == head { on = 1; next } /^$/ { on = 0 } on' /tmp/screen; }
is "its head" "slow-work: 4 threads (2 to 4), 0 idle, 4 executing: 4 blocked, 0 asleep until needed
very slow items may have 2 threads (50 %); stalls reported: 0" "$(head -n 2 /tmp/screen)"
is "its owners" "slow_work_caller 7 4 2 - 0 0 0 0 0
nobody 0 0 0 - 0 0 0 0 0" "$(words 10 "$(table OWNER)")"
is "its classes" "slow 3 2 2 - 0 0 0 0 0
vslow 4 2 0 - 0 0 0 0 0" "$(words 10 "$(table CLASS)")"
is "the oldest has an age, nobody's none" "1s -" "$(table OWNER | awk '{ print $11 }' | sed 's/^[1-9][0-9]*s/1s/' | xargs)"
is "its threads" "$(for p in $(kslowd_pids); do echo "$(cat "/proc/$p/comm") $p"; done | sort)" \
	"$(table EXECUTING | awk '{ print $1, $2 }' | sort)"
is "what they execute" "2 caller: slow 2
2 caller: slow 3
a caller: vslow 0
a caller: vslow 1" "$(table EXECUTING | sed -E 's/^(kslowd...) +[0-9]+ +[0-9]+s +//; s/  / /' | sort)"
is "what waits, on a screen" "sq - 1 caller: slow 4
sq - 1 caller: slow 5
sq - 1 caller: slow 6
vsq - 9 caller: vslow 10
vsq - 9 caller: vslow 7
vsq - 9 caller: vslow 8
vsq - 9 caller: vslow 9" "$(table WAITING | sed -E 's/ +[0-9]+m?s / /; s/ +/ /g' | sort)"
is "what is armed, on a screen" "dly - 21 caller: delayed 11
dly - 21 caller: delayed 12" "$(table ARMED | sed -E 's/ +[0-9]+s / /; s/ +/ /g' | sort)"
top --once --items 2 >/tmp/screen
is "two of each kind" "2 and 2 more; 2 and 5 more; 2" \
	"$(for t in EXECUTING WAITING ARMED; do echo "$(table $t | grep -c caller:)$(table $t | sed -n 's/^ *and/ and/p')"; done |
		awk '{ printf "%s%s", (NR > 1 ? "; " : ""), $0 }')"
top --once --filter 'vslow ' >/tmp/screen
is "what has a text in its desc" 6 "$(grep -c 'caller: vslow ' /tmp/screen)"
is "and nothing else" 6 "$(grep -c 'caller: \|^nobody\|^slow_work' /tmp/screen)"
top --once --filter slow_work_c >/tmp/screen
is "what has it in its name" "slow_work_caller 7 4" "$(words 3 "$(table OWNER)")"
take --filter 'caller: slow'
is "objects are filtered as well" "caller: slow 4; caller: slow 5; caller: slow 6" "$(of 'of("queued", "desc")')"
cp $STATS $RUNQUEUE /tmp/copy/slow_work/
is "a copy of the files" 13 "$(top --once --items 20 --debugfs /tmp/copy/ | grep -c caller:)"
sed -E 's/^( *[0-9]+) +([0-9]+) /\100 40\2 /' $RUNQUEUE >/tmp/copy/slow_work/runqueue
is "the same, with threads and PIDs of more digits" 13 "$(top --once --items 20 --debugfs /tmp/copy/ | grep -c caller:)"

# --- the order of owners
load slow_work_user
user register
owners() { top --once "$@" >/tmp/screen; echo $(table OWNER | awk '{ print $1 }'); }
is "by name" "nobody slow_work_caller slow_work_user" "$(owners -s name)"
is "by name, the other way" "slow_work_user slow_work_caller nobody" "$(owners -s name -r)"
is "by items executing" slow_work_caller "$(owners -s executing | cut -d' ' -f1)"
is "by items executing, smallest first" slow_work_caller "$(owners -s executing -r | cut -d' ' -f3)"
is "objects are sorted as well" slow_work_caller "$(take -s executing -r; of 'found["owners"][2]["name"]')"

# --- on a terminal
screen() { cat /tmp/term/screen; }
shows() { screen | grep -q -- "$1"; }
shows_not() { ! shows "$1"; }
press() { printf "$1" 1<>/tmp/term/keys; }	# never waits for a reader
ended() { [ -e /tmp/term/status ]; }
# terminal TERM COMMAND...
terminal() {
	local t=$1; shift
	rm -rf /tmp/term
	mkdir /tmp/term
	mkfifo /tmp/term/keys
	TERM=$t debian terminal.py /tmp/term "$@" &
}
terminal plain slow-work-top --delay 4
wait_for "a screen" 60 shows '; q s r f + -'
screen >/tmp/screen
note "$(cat /tmp/screen)"
is "has its owners" "slow_work_caller 7 4 2" "$(words 4 "$(table OWNER | head -n 1)")"
is "and its items" "4 7 2" "$(for t in EXECUTING WAITING ARMED; do table $t | grep -c caller:; done | xargs)"
check "tells how it is sorted" shows 'every 4 s, owners by queued; '
press -
wait_for "-: half the delay" 60 shows 'every 2 s'
press ++
wait_for "+: twice the delay" 60 shows 'every 8 s'
press ---
wait_for "quicker" 60 shows 'every 1 s'
press s
wait_for "s: the next column" 60 shows 'owners by executing'
last_owner_is() { screen >/tmp/screen; [ "$(table OWNER | tail -n 1 | cut -d' ' -f1)" = "$1" ]; }
check_not "largest first" last_owner_is slow_work_caller
press r
wait_for "r: the other way round" 60 last_owner_is slow_work_caller
press f
wait_for "f: asks" 60 shows '^filter:'
press 'vslow \n'
wait_for "and shows what has the text" 60 shows "filter 'vslow '"
is "and nothing else" "6 6" "$(screen | grep -c 'caller: vslow') $(screen | grep -c caller:)"
press 'f\n'
wait_for "an empty text takes that away" 60 shows 'caller: slow 4'
order revoke
wait_for "it goes with the time: what waited is taken back" 60 shows '^slow_work_caller  *0  *4  *0  *[0-9-]*  *0  *0  *0  *9 '
order open
wait_for "what executed has ended" 60 shows_not caller:
press q
wait_for "q: it ends" 60 ended
is "with status" 0 "$(cat /tmp/term/status)"
terminal linux slow-work-top
wait_for "another terminal" 60 shows '[a-z]'
press '\003'
wait_for "Ctrl-C ends it" 60 ended
is "with status, too" 0 "$(cat /tmp/term/status)"
terminal none-such slow-work-top
wait_for "a terminal that nobody knows" 60 ended
is "is said" "1 slow-work-top: no screen on this terminal, TERM=none-such: setupterm: could not find terminal" \
	"$(cat /tmp/term/status) $(screen | head -n 1)"

# --- rates
while :; do order slow 1; usleep 10000; done &
busy=$!
# In a second a host may run nothing
screens_have_a_rate() {
	top --batch -n 2 -d 1 >/tmp/screens
	awk 'NR > 1 && /^slow-work:/ { n = 1 } n' /tmp/screens >/tmp/screen
	[ "$(table OWNER | awk '$1 == "slow_work_caller" { print $5 }')" -ge 1 ]
}
two_have_a_rate() {
	top --json -n 2 -d 1 >/tmp/two
	tail -n 1 /tmp/two >/tmp/json
	[ "$(of "owners['slow_work_caller']['rate'] > 0")" = True ]
}
wait_for "the second screen knows a rate" 60 screens_have_a_rate
wait_for "so does the second record" 60 two_have_a_rate
kill $busy
is "two screens" 2 "$(grep -c ^slow-work: /tmp/screens)"
is "the first knows no rate" "-" "$(awk '$1 == "slow_work_caller" { print $5; exit }' /tmp/screens)"
head -n 1 /tmp/two >/tmp/json
before=$(of 'owners["slow_work_caller"]["executed"]')
tail -n 1 /tmp/two >/tmp/json
# It slept for one second at least
is "it is right" True "$(of "0 < owners['slow_work_caller']['rate'] <= owners['slow_work_caller']['executed'] - $before")"
is "and the class's" True "$(of 'classes["slow"]["rate"] > 0 and classes["vslow"]["rate"] == 0')"

# --- the module goes
terminal plain slow-work-top --delay 0.2
wait_for "a screen again" 60 shows OWNER
user unregister
unload slow_work_user
unload slow_work_caller
wait_for "the module goes, between two readings" 60 unload slow_work
wait_for "it ends when the module has gone" 60 ended
is "and says so" "1 1" "$(cat /tmp/term/status) $(screen | grep -c "^slow-work-top: /sys/kernel/debug/slow_work/[a-z-]*: the module is not loaded")"
plan
