# SPDX-License-Identifier: GPL-2.0-or-later
#
# For the Makefile of a module that uses slow-work.  That is no more than
#
#	obj-m := hello.o
#	include /usr/share/slow-work/caller.mk
#
# and make, make modules_install and make clean do what one thinks, for the
# running kernel or for KVER=VERSION.  DKMS needs no MAKE= for it, but
# BUILD_DEPENDS="slow-work", so that slow-work is built before.

ifneq ($(KBUILD_EXTMOD),)

# Directories of obj-m, too
subdir-ccflags-y += -I/usr/include/slow-work

# DKMS keeps it for each kernel that has the module.  Expanded where modules are
# linked, and not by clean.
slow-work-symvers = /var/lib/dkms/slow-work/kernel-$(KERNELRELEASE)-$(shell uname -m)/Module.symvers
KBUILD_EXTRA_SYMBOLS += $(or $(wildcard $(slow-work-symvers)),$(error \
	slow-work is not built for kernel $(KERNELRELEASE); see: dkms status slow-work))

else

KVER ?= $(shell uname -r)
KDIR ?= /lib/modules/$(KVER)/build
# kbuild leaves it out where the headers have no System.map, as Debian's
depmod = PATH="$$PATH:/sbin" depmod \
	$$(sed -n 's/.* UTS_RELEASE "\(.*\)"/\1/p' $(KDIR)/include/generated/utsrelease.h)

modules modules_install clean:
	@test -e $(KDIR)/Makefile || { \
	  echo "No kernel headers at $(KDIR); install linux-headers-$(KVER)." >&2; \
	  exit 1; }
	$(MAKE) -C $(KDIR) M=$(CURDIR) $@
	$(if $(INSTALL_MOD_PATH),,$(if $(filter modules_install,$@),$(depmod)))

.DEFAULT_GOAL := modules
.PHONY: modules modules_install clean

endif
