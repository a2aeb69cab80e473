# SPDX-License-Identifier: GPL-2.0-or-later
#
# "make help" lists the targets.  kbuild reads Kbuild, not this file.

KVER ?= $(shell uname -r)
KDIR ?= /lib/modules/$(KVER)/build
INSTALL_MOD_PATH ?= $(DESTDIR)
export INSTALL_MOD_PATH

kbuild = $(MAKE) -C $(KDIR) M=$(CURDIR)
# kbuild leaves it out where the headers have no System.map, as Debian's
depmod = PATH="$$PATH:/sbin" depmod \
	$$(sed -n 's/.* UTS_RELEASE "\(.*\)"/\1/p' $(KDIR)/include/generated/utsrelease.h)

.DEFAULT_GOAL := modules

modules: kdir
	$(kbuild) modules

kdir:
	@test -e $(KDIR)/Makefile || { \
	  echo "No kernel headers at $(KDIR)." >&2; \
	  echo "Install them:        apt-get install linux-headers-$(KVER)" >&2; \
	  echo "or name a built tree: make KDIR=/path/to/kernel" >&2; \
	  exit 1; }

install: modules
	$(kbuild) modules_install
	install -D -m 644 include/linux/slow-work.h \
		$(DESTDIR)/usr/include/slow-work/linux/slow-work.h
	$(if $(INSTALL_MOD_PATH),,$(depmod))

load: modules
	insmod ./slow_work.ko

unload:
	rmmod slow_work

clean:
	rm -rf Documentation/output
	@if test -e $(KDIR)/Makefile; then $(kbuild) clean; else \
	  find . -name .git -prune -o \( -name '*.o' -o -name '*.ko' \
	    -o -name '*.mod' -o -name '*.mod.c' -o -name '.*.cmd' \
	    -o -name 'Module.symvers' -o -name 'modules.order' \) \
	    -type f -exec rm -f {} +; fi

help:
	@echo 'Build and use'
	@echo '  modules (default)  slow_work.ko and Module.symvers'
	@echo '  install            as root: the module and its header'
	@echo '  load, unload       insmod and rmmod of what was built here'
	@echo '  clean              remove what was built'
	@echo '  deb                Debian packages, in debs/'
	@echo 'See it work'
	@echo '  demo               checksum a real tree in a virtual machine'
	@echo '  demo-fscache       FS-Cache moved to slow-work caches a tree'
	@echo '  demo-gfs2          GFS2 moved to slow-work, in use and after a crash'
	@echo 'Tests, the shorter the sooner'
	@echo '  check              what finds most faults soonest; minutes'
	@echo '  check-all          all tests but the matrix, packages and long runs; an hour'
	@echo '  matrix             every kernel supported; KERNEL= names one'
	@echo '  torture            everything at once; KERNEL= MINUTES= SEED='
	@echo '  bench              beside workqueues, in counted instructions'
	@echo 'Tests of one thing'
	@echo '  check-style        checkpatch, sparse, kernel-doc, W=1'
	@echo '  check-kunit        KUnit suites under User Mode Linux'
	@echo '  check-debug        the same on an SMP debug kernel'
	@echo '  check-bench        no item dearer than recorded (counted)'
	@echo '  check-vm           runs on stock kernels; KERNEL= names one'
	@echo '  check-abi          the binary interface is the one on record'
	@echo '  check-tree         as part of a kernel tree, built in and modular'
	@echo '  check-deb          the packages, from apt install to apt purge'
	@echo '  check-hosts        demo and check on a bare Debian 12, 13, unstable; SUITE='
	@echo '  mutants            is each statement tested? a sample; SEED=, FULL=yes'
	@echo 'Read'
	@echo '  docs               HTML and man pages, in Documentation/output'
	@echo 'For a kernel tree'
	@echo '  tree               puts it into KERNEL_TREE=, or as patches into SERIES='
	@echo 'Variables'
	@echo '  KDIR=              kernel to build for (default: the running one)'
	@echo '  KERNEL=            6.1, 6.12-rt, unstable, ... (tests/kernel.sh)'
	@echo '  DEBIAN_MIRROR=     where kernels for tests come from, if not from'
	@echo '                     where this machine has its Debian from'
	@echo '  CONFIG_SLOW_WORK_DEBUG=n      leaves the debugfs view out'
	@echo '  DESTDIR=, INSTALL_MOD_PATH=   root to install under'
	@echo '  SLOW_WORK_CACHE=   where kernels for tests are kept'

deb:
	@tests/deb.sh build

demo:
	@tests/demo.sh

demo-fscache:
	@tests/fscache.sh demo

demo-gfs2:
	@tests/gfs2.sh demo

check:
	@tests/check.sh

check-all:
	@tests/check.sh all

check-style:
	@tests/style.sh

check-kunit:
	@tests/kunit.sh uml

check-debug:
	@tests/kunit.sh debug

check-bench:
	@tests/check.sh bench $(KERNEL)

check-vm:
	@tests/check.sh vm $(KERNEL)

matrix:
	@tests/matrix.sh $(KERNEL)

check-abi:
	@tests/abi.sh

check-tree:
	@MODULAR=yes tests/tree.sh

tree:
	@test -n "$(KERNEL_TREE)" || { \
	  echo "Which one?  make tree KERNEL_TREE=/path/to/linux [SERIES=DIR]" >&2; exit 1; }
	@scripts/in-tree.py $(if $(SERIES),--series "$(SERIES)") "$(KERNEL_TREE)"

check-deb:
	@tests/deb.sh life

check-hosts:
	@tests/hosts.sh $(SUITE)

torture:
	@tests/torture.sh $(or $(KERNEL),debug) \
		$(or $(SECONDS),$$(($(or $(MINUTES),1) * 60))) $(SEED)

mutants:
	@tests/mutants.py $(if $(SEED),--seed $(SEED)) $(if $(filter yes,$(FULL)),--full)

bench:
	@KERNEL=$(or $(KERNEL),6.1) tests/bench.sh

docs:
	@tests/docs.sh

.PHONY: modules kdir install load unload clean help deb demo demo-fscache demo-gfs2 \
	check check-all check-style check-kunit check-debug check-bench check-vm \
	check-deb check-hosts check-abi check-tree tree matrix torture mutants bench docs
