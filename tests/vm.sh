#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# vm.sh NAME [OPTION...] SCRIPT: boots a kernel of kernel.sh, runs SCRIPT in it
#
# SCRIPT is run by busybox ash with the helpers of tests/vm/guest/lib.sh, as root
# in an initramfs; what it prints (KTAP) comes out here on standard output.
#
#   --modules DIR          our modules, in the guest under /modules (build.sh)
#   --file HOST[:GUEST]    a file more, in the guest as /test/NAME or GUEST
#   --disk FILE            a raw disk image: /dev/vda, the next vdb
#   --scratch MB           an empty disk, the same way
#   --system DIR           no initramfs of ours: vmlinuz and initrd of DIR (with
#                          release and config, as in kernel.sh's directories)
#                          boot the first disk, whose systemd unpacks the archive
#                          on the second and runs "system" of it; NAME is a name
#   --with MODULE          a module of Debian's image, loaded before SCRIPT
#   --cpus N  --mem MB     (default 2 and 1024; UML has one, uml-smp two, and 256;
#                          debug 512, which kmemleak looks through as a guest ends)
#   --possible N           so many CPUs could be plugged in, the present ones
#                          included (255 is as far as software emulation goes)
#   --one-thread           emulated CPUs take turns: where code is patched all the time,
#                          one may otherwise run into a breakpoint that is taken away
#   --icount               counted instructions: one CPU, 2 ns each, exact
#   --append "WORDS"       onto the kernel's command line; NAME=VALUE that means
#                          nothing to the kernel is a variable in SCRIPT
#   --no-panic-on-warn     for scripts that provoke warnings
#   --no-panic             for scripts that provoke oopses, or warnings
#   --qemu "WORDS"         further options for QEMU
#   --dump FILE            SCRIPT leaves in /tmp/last what makes the kernel panic
#                          when all is told; a dump of its memory then goes to FILE
#   --log FILE             where to keep a copy of the console
#   --timeout SECONDS      (default 900) how long without a sign of life before it
#                          is given up; after ten times so long it is in any case
#   --cpu-time SECONDS     the same by what the machine had of the host's CPUs
#   --first                no further than the first "not ok"; so with FIRST=yes in
#                          the environment
#
# Succeeds only if SCRIPT came to its end with status 0, every result and the plan
# are there, none is "not ok", and the console shows no report of any detector
# outside of the lines EXPECT-SPLAT-BEGIN and -END.  Otherwise a directory is left,
# and named, with all that a report of the failure needs: keep_failure() below.
# AGAIN in the environment is the command that repeats the whole of it, if that is
# more than this one.
. "$(dirname "$0")/lib/env.sh"

# What kernels print when something is wrong
SPLAT='BUG:|WARNING:|Oops|KASAN:|UBSAN:|KCSAN:|ODEBUG:|INFO: (task|possible|trying|rcu|lockdep)|'
SPLAT+='Kernel panic|Call Trace:|general protection|refcount_t:|kmemleak: [0-9]|unreferenced object|'
SPLAT+='corruption|Poison overwritten|Redzone|already free|rcu_.*detected stalls|cannot load /test|'
SPLAT+='Call trace:|Internal error:|Unable to handle kernel|'
SPLAT+='soft lockup|hard LOCKUP|segfault|sleeping function|scheduling while atomic|Modules linked in:'

kernel_reports() {
	awk -v splat="$SPLAT" '
		/EXPECT-SPLAT-BEGIN/	{ expected = 1 }
		/EXPECT-SPLAT-END/	{ expected = 0 }
		!expected && $0 ~ splat	{ print; n++ }
		END			{ exit n > 0 }' "$1"
}

has_module() { modprobe -d "$kernel/modules" -S "$release" --show-depends "$1" >/dev/null 2>&1; }

# image_modules ROOT-MODULE...: copies modules of Debian's image with all that
# they need, numbered in the order of loading
image_modules() {
	local m path
	for m; do
		modprobe -d "$kernel/modules" -S "$release" --show-depends "$m" 2>/dev/null ||
			die "$release has no module $m"
	done | sed -n 's/^insmod \([^ ]*\).*/\1/p' | awk '!seen[$1]++' | cat -n |
	while read -r m path; do
		m=$root/test/image/$(printf %03d "$m")-$(basename "${path%.xz}")
		case $path in
		*.xz) xz -dc "$path" >"$m" ;;
		*) cp "$path" "$m" ;;
		esac
	done
}

main() {
	local command name='' script='' cpus=2 mem='' icount='' append='' warn='panic_on_warn=1' arch
	local oops='oops=panic panic_on_oops=1'
	local log='' scratch='' first=${FIRST:-} timeout=900 cpu_time='' modules='' qemu='' possible='' system=''
	local disks=() files=() with=() dump='' thread=multi
	command=$(printf '%q ' "$0" "$@")
	[ $# -ge 2 ] || die "usage: vm.sh NAME [OPTION...] SCRIPT (see the head of $0)"
	name=$1; shift
	while [ $# -gt 0 ]; do
		case $1 in
		--modules)	modules=$2; shift ;;
		--file)		files+=("$2"); shift ;;
		--disk)		disks+=("$2"); shift ;;
		--scratch)	scratch=$2; shift ;;
		--system)	system=$2; shift ;;
		--with)		with+=("$2"); shift ;;
		--cpus)		cpus=$2; shift ;;
		--mem)		mem=$2; shift ;;
		--possible)	possible=$2; shift ;;
		--one-thread)	thread=single ;;
		--icount)	icount=yes ;;
		--append)	append+=" $2"; shift ;;
		--no-panic-on-warn) warn= ;;
		--no-panic)	warn='' oops='' ;;
		--qemu)		qemu+=" $2"; shift ;;
		--dump)		dump=$2; shift ;;
		--log)		log=$2; shift ;;
		--timeout)	timeout=$2; shift ;;
		--cpu-time)	cpu_time=$2; shift ;;
		--first)	first=yes ;;
		-*)		die "unknown option $1" ;;
		*)		[ -z "$script" ] || die "one script, not also $1"; script=$1 ;;
		esac
		shift
	done
	[ -n "$mem" ] || case $name in uml*) mem=256 ;; debug) mem=512 ;; *) mem=1024 ;; esac
	[ -r "$script" ] || die "no script ${script:-given}"

	need_packages busybox-static cpio kmod xz-utils binutils
	kernel=$system
	[ -n "$kernel" ] || kernel=$("$TOP/tests/kernel.sh" "$name")
	[ -e "$kernel/vmlinuz" ] || die "$name is only to compile for"
	release=$(cat "$kernel/release")
	arch=$(cat "$kernel/arch" 2>/dev/null || echo x86)
	machine=x86_64 strip=strip
	case $arch in
	um)	;;
	arm64)	foreign aarch64 qemu-system-arm ;;
	s390)	foreign s390x qemu-system-misc ;;
	*)	find_qemu ;;
	esac
	mkdir -p "$CACHE/run"
	work=$(mktemp -d "$CACHE/run/XXXXXX")
	vm=
	trap '[ -z "$vm" ] || { kill "$vm"; wait "$vm" || true; kill_rest; }; rm -rf "$work"' EXIT
	trap 'exit 130' INT TERM HUP
	root=$work/root

	# --- the initramfs
	local f deps=()
	mkdir -p "$root"/{bin,modules,test/image,sys,proc,dev,tmp,mnt}
	f=$kernel/busybox
	[ -e "$f" ] || f=$(command -v busybox)
	cp "$f" "$root/bin/busybox"
	ln -s busybox "$root/bin/sh"
	cp "$TOP/tests/vm/guest/init" "$root/init"
	cp "$TOP/tests/vm/guest/"{lib.sh,system} "$root/test/"
	cp "$script" "$root/test/script"
	chmod +x "$root/init"
	for f in "${files[@]}"; do
		case $f in
		*:*) mkdir -p "$root$(dirname "${f#*:}")"; cp -r "${f%%:*}" "$root${f#*:}" ;;
		*) cp -r "$f" "$root/test/" ;;
		esac
	done
	if [ -n "$modules" ]; then
		for f in "$modules"/*.ko; do
			"$strip" -g -o "$root/modules/${f##*/}" "$f"
		done
		# Theirs that ours need
		for f in $(modinfo -F depends "$modules"/*.ko | tr ',' '\n' | sort -u); do
			[ -e "$modules/$f.ko" ] || deps+=("$f")
		done
	fi
	if [ -n "$scratch" ]; then
		truncate -s "${scratch}M" "$work/scratch"
		disks+=("$work/scratch")
	fi
	if [ -d "$kernel/modules" ]; then
		[ "$arch" != s390 ] || with=(virtio_console "${with[@]}")
		if [ ${#disks[@]} -gt 0 ]; then
			# Newer kernels have this one in them
			! has_module crc32c_generic || with=(crc32c_generic "${with[@]}")
			with=(virtio_pci virtio_blk "${with[@]}" ext4)
		fi
		image_modules "${with[@]}" "${deps[@]}"
	fi
	if [ -n "$system" ]; then
		tar -C "$root/test" -cf "$work/archive" .
		disks+=("$work/archive")
		append+=" root=/dev/vda rw"
		cp "$system/initrd" "$work/initrd"
	else
		(cd "$root" && find . | cpio --quiet -o -H newc) | gzip -1 >"$work/initrd"
	fi

	# --- the machine
	local cmd cpu=max smp=$cpus panic="panic=-1 $oops $warn log_buf_len=4M"
	local lines="console=ttyS0 results=ttyS1"
	: >"$work/results"
	if [ "$arch" = um ]; then
		cmd=("$kernel/vmlinuz" "mem=${mem}M" "initrd=$work/initrd" "uml_dir=$work/" umid=uml
			con=null con0=null,fd:1 ssl=null ssl0=null,fd:3 results=ttyS0)
	else
		cmd=("$(command -v qemu-system-$machine)" -nodefaults -no-user-config -display none -no-reboot
			-m "$mem" -kernel "$kernel/vmlinuz" -initrd "$work/initrd"
			-serial "file:$work/console")
		case $arch in
		arm64)
			# It has one serial line of its own.  Debian's runs on a processor with
			# pairs of instructions for atomics, ours with an instruction for each;
			# "max" would sign pointers, which takes an emulator long
			cmd+=(-machine "virt,gic-version=3" -device "pci-serial,chardev=results")
			lines="console=ttyAMA0 results=ttyS0"
			case $name in *-arm64) cpu=cortex-a72 ;; *) cpu=neoverse-n1 ;; esac
			;;
		s390)
			# Its second line of its own is for 80 columns
			cmd+=(-device virtio-serial -device "virtconsole,chardev=results")
			lines="console=ttyS1 results=hvc0"
			;;
		*)	cmd+=(-serial chardev:results) ;;
		esac
		cmd+=(-chardev "file,id=results,path=$work/results")
		if [ -n "$possible" ]; then
			cmd+=(-machine q35)
			smp="cpus=$cpus,maxcpus=$possible"
		fi
		# To 32 bits newer QEMUs' would be an AMD that is not for SMP, with a warning
		[ "$name" != 32bit ] || cpu+=,vendor=GenuineIntel
		if [ -n "$icount" ]; then
			cmd+=(-accel tcg,thread=single -icount "shift=1,sleep=off" -smp 1 -cpu "$cpu")
		elif [ $machine = x86_64 ] && kvm_works; then
			cmd+=(-accel kvm -cpu host -smp "$smp")
		else
			cmd+=(-accel "tcg,thread=$thread" -cpu "$cpu" -smp "$smp")
		fi
		if [ -n "$dump" ]; then
			mkfifo "$work/monitor"
			cmd+=(-device vmcoreinfo -monitor stdio)
			append+=" panic=0"
		fi
		for f in "${disks[@]}"; do
			cmd+=(-drive "file=$f,if=virtio,format=raw,cache=unsafe")
		done
		# shellcheck disable=SC2206 # words they are
		cmd+=($qemu -append "$lines loglevel=7 $(boot_options) $panic $append")
	fi
	# It runs several CPUs with its user space under seccomp only
	# shellcheck disable=SC2046,SC2206,SC2207 # words they are
	case $name in
	uml|uml-debug) cmd+=(loglevel=7 $panic $append) ;;
	uml-*)	cmd+=("ncpus=$cpus" seccomp=on loglevel=7 $(boot_options) $panic $append) ;;
	esac

	local status=0
	run_machine || status=$?
	if ! booted "$work/console"; then
		mv "$work/console" "$work/console.first"
		say "slow-work: the machine did not boot; once more"
		echo "# once more on $name, as the machine did not boot"
		: >"$work/results"
		status=0
		run_machine || status=$?
	fi

	# --- the verdict
	tr -d '\r' <"$work/results" >"$work/ktap"
	tr -d '\r' <"$work/console" >"$work/console.log"
	[ -z "$log" ] || cp "$work/console.log" "$log"
	# On kernels that lack something so that we see how we do without it
	case $name in up|nosysctl|nodebugfs|nounload|arm64) sed -i '1i # skips are no failures' "$work/ktap" ;; esac
	cat "$work/ktap"
	local why=()
	if [ -s "$work/first" ]; then
		grep -qxFf "$work/first" "$work/ktap" || sed -E 's/^\[[ 0-9.]*\] //' "$work/first"
		why+=("ended there")
	elif ! grep -q '^# guest ended: ' "$work/ktap"; then
		if [ -e "$work/still" ]; then
			why+=("no sign of life for $timeout s")
		elif [ $status = 124 ] || [ $status = 137 ]; then
			why+=("not finished after $((timeout * 10)) s")
		elif [ -n "$cpu_time" ] && [ $status = $((128 + $(kill -l XCPU))) ]; then
			why+=("not finished after $cpu_time s of a CPU")
		else
			why+=("the guest died (status $status)")
		fi
	else
		grep -q '^# guest ended: 0$' "$work/ktap" || why+=("the script failed")
	fi
	kernel_reports "$work/console.log" >"$work/reports" || why+=("the kernel reported something")
	ktap_complete "$work/ktap" || why+=("results missing or not ok")
	[ -z "$dump" ] || [ -s "$dump" ] || why+=("there is no dump")
	[ ${#why[@]} -gt 0 ] || return 0

	local keep
	keep=$CACHE/failures/$name-$(basename "$script")-$(date +%Y%m%d-%H%M%S)-$$
	keep_failure
	for f in "${why[@]}"; do echo "# vm $name ${script##*/}: $f"; done
	for f in "${why[@]}"; do say "slow-work: ${script##*/} on $name: $f"; done
	head -n 40 "$work/reports" | sed 's/^/  | /' >&2
	[ -s "$work/reports" ] || grep -q '^# guest ended: ' "$work/ktap" ||
		tail -n 40 "$work/console.log" | sed 's/^/  | /' >&2
	say "slow-work: what a report of this needs is in $keep"
	return 1
}

# What main() knows of a failed run, as a directory to send:
#   report       what failed, on what, the seed, and the commands to have it again
#   console.log  ktap        what the kernel said, what the script said
#   config  initrd           the kernel's configuration; all that was in the guest
#   again                    starts the same machine; its lines go beside it
#   qemu                     what the emulator said, if it did
#   console.first            of a start that came to nothing, if there was one
keep_failure() {
	local f seed
	mkdir -p "$keep"
	cp "$work/console.log" "$work/ktap" "$work/initrd" "$kernel/config" "$keep/"
	for f in qemu console.first; do
		[ ! -s "$work/$f" ] || cp "$work/$f" "$keep/"
	done
	seed=$(grep -oE '[a-z_]*seed=[0-9]+' <<<"$append" | xargs || true)
	{
		echo "failed:   ${script##*/} on $release ($name)"
		for f in "${why[@]}"; do echo "          $f"; done
		echo "source:   $(git -C "$TOP" describe --always --dirty 2>/dev/null || echo 'no git')"
		echo "host:     $(uname -rm), $(nproc) CPUs, $("qemu-system-$machine" --version 2>/dev/null | head -n 1)"
		echo "seed:     ${seed:-none: the script draws nothing}"
		echo "again:    ${AGAIN:-$command}"
		[ -z "${AGAIN-}" ] || echo "this run: $command"
		echo "machine:  $keep/again${disks:+ (its disks are not kept: use the command)}"
		echo
		grep '^ *not ok' "$work/ktap" || true
		head -n 40 "$work/reports"
	} >"$keep/report"
	{
		echo '#!/bin/bash'
		echo "# The same machine; what it prints is in console.again and results.again"
		echo 'cd "$(dirname "$0")" || exit'
		[ -z "$cpu_time" ] || echo "ulimit -S -t $cpu_time"
		printf '%q ' "${cmd[@]}"
		echo -n '</dev/null'
		[ "$arch" != um ] || echo -n ' >console.again 2>&1 3>results.again'
		echo
	} | sed -e "s,file:$work/console,file:console.again,; s,path=$work/results,path=results.again," \
		-e "s,$work/initrd,initrd,; s,uml_dir=$work/,uml_dir=.," >"$keep/again"
	chmod +x "$keep/again"
}

# Runs cmd of main(), in the background, since a trap is not run while bash waits
# for a command
run_machine() {
	local status=0 input=/dev/null
	[ -z "$dump" ] || input=$work/monitor
	(
		[ -z "$cpu_time" ] || ulimit -S -t "$cpu_time"
		if [ "$arch" = um ]; then
			exec timeout -k 5 $((timeout * 10)) "${cmd[@]}" </dev/null >"$work/console" 2>&1 \
				3>"$work/results"
		else
			exec timeout -k 5 $((timeout * 10)) "${cmd[@]}" <>"$input" >"$work/qemu" 2>&1
		fi
	) &
	vm=$!
	end_still "$vm" >/dev/null 2>&1 &
	[ -z "$first" ] || end_first "$vm" >/dev/null 2>&1 &
	{ end_unbooted "$vm"; [ -z "$dump" ] || take_dump "$vm"; } >/dev/null 2>&1 &
	# What ended it is said below, not by the shell
	{ wait "$vm"; } 2>/dev/null || status=$?
	kill_rest
	vm=
	# shellcheck disable=SC2046 # words they are
	kill $(jobs -p) 2>/dev/null || true
	touch "$work/console"
	return $status
}

# User Mode Linux that was killed may leave its guest's processes, stopped
kill_rest() {
	local dir
	for dir in $(grep -aslF "uml_dir=$work/" /proc/[0-9]*/cmdline); do
		dir=${dir%/cmdline}
		kill -KILL "${dir#/proc/}" 2>/dev/null || true
	done
}

# still PID SECONDS [COMMAND...]: waits until the machine has said nothing for so long.
# Fails once it has gone, or COMMAND succeeds.  Machines and hosts are slow and shared:
# one that still says something is not hung.
still() {
	local pid=$1 seconds=$2 still=0 was='' is; shift 2
	while [ $still -lt "$seconds" ]; do
		sleep 1
		kill -0 "$pid" || return
		[ $# = 0 ] || ! "$@" || return
		is=$(stat -c %s "$work/console" "$work/results" || true)
		still=$((still + 1))
		[ "$is" = "$was" ] || still=0
		was=$is
	done
}

# Emulated machines lose an interrupt now and then while they start, and then they
# stand still.  Ours have no part in it until there is an init.
booted() { [ "$arch" = um ] || grep -q 'Run /init as init process' "$1"; }
end_unbooted() { ! still "$1" 240 booted "$work/console" || kill "$1"; }

end_still() {
	still "$1" "$timeout" || return 0
	touch "$work/still"
	kill "$1"
}

# At the first result that is not ok, of a suite on the console or of a script
end_first() {
	until grep -hE '^(\[[ 0-9.]*\])? *not ok ' "$work/console" "$work/results" >"$work/first"; do
		sleep 0.1
		kill -0 "$1" || return
	done
	kill "$1"
}

# Once the kernel has said all, and goes round in circles; QEMU ends with that
take_dump() {
	until grep -q 'end Kernel panic' "$work/console"; do
		sleep 1
		kill -0 "$1" || return
	done
	printf 'dump-guest-memory "%s"\nquit\n' "$dump" >"$work/monitor"
}

# Debian 12's own does, but for a run in some hundred that a lost breakpoint ends
find_qemu() {
	local dir
	need_packages qemu-system-x86
	if dir=$("$TOP/tests/kernel.sh" qemu); then
		PATH=$dir:$PATH
	else
		say "slow-work: going by the QEMU that is installed"
	fi
}

# foreign MACHINE PACKAGE: emulated by Debian 12's QEMU, whatever the host can
foreign() {
	machine=$1 strip=$1-linux-gnu-strip
	need_packages "$2" "binutils-$1-linux-gnu"
}

# Slow hosts make watchdogs bark; lists and freed memory are poisoned on all kernels
# that have nothing better to find what is wrong with them
# (a CPU of User Mode Linux starts on a stack that cannot be traced)
boot_options() {
	local slub=FZPU
	[ "$arch" != um ] || slub=FZP
	[ "$arch" = um ] || echo "tsc=nowatchdog no_timer_check watchdog_thresh=60 softlockup_panic=1"
	echo "rcupdate.rcu_cpu_stall_timeout=120"
	! grep -q '^CONFIG_SLUB_DEBUG=y' "$kernel/config" ||
		grep -qE '^CONFIG_(KASAN|KCSAN)=y' "$kernel/config" || echo "slub_debug=$slub"
}

# Having /dev/kvm is not enough: nested virtualisation may take it and then get
# nowhere.  It counts as there if a kernel boots to its panic for want of a disk;
# asked once a boot of this machine, by one of those that start together.
kvm_works() {
	local trial
	[ -r /dev/kvm ] && [ -w /dev/kvm ] || return 1
	trial=$CACHE/kvm/$(cat /proc/sys/kernel/random/boot_id)
	once "trial of KVM" "$trial" try_kvm
	grep -q 'Kernel panic' "$trial/console"
}

try_kvm() {
	rm -rf "$CACHE"/kvm/*
	timeout -k 1 20 qemu-system-x86_64 -accel kvm -cpu host -nodefaults -display none \
		-no-reboot -m 512 -kernel "$kernel/vmlinuz" -append "console=ttyS0 panic=-1" \
		-serial stdio </dev/null >"$1/console" 2>&1 || true
}

ktap_complete() { awk -f "$TOP/tests/ktap.awk" "$1" >/dev/null; }

main "$@"; exit
