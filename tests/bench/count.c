// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A plugin of QEMU's TCG: how often each instruction of the guest's kernel ran
 *
 * profile.py compiles it, and takes the difference of two runs that differ in
 * nothing but one round of a job.  Of all CPUs together.
 */

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include "count.h"

int qemu_plugin_version = 2;

/* Open addressing; entries never move, as the guest's code points to them */
#define SLOTS	0x400000

static unsigned long long vaddrs[SLOTS];
static struct qemu_plugin_scoreboard *counts;

/* CPUs that are threads of QEMU's translate side by side. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static const char *path = "count.out";

static struct qemu_plugin_u64 counter(unsigned long long vaddr)
{
	unsigned int slot = (vaddr * 0x9e3779b97f4a7c15ULL) >> 42;

	pthread_mutex_lock(&lock);
	while (vaddrs[slot] && vaddrs[slot] != vaddr)
		slot = (slot + 1) % SLOTS;
	vaddrs[slot] = vaddr;
	pthread_mutex_unlock(&lock);
	return (struct qemu_plugin_u64) { counts, slot * sizeof(unsigned long long) };
}

static void translated(unsigned long long id, struct qemu_plugin_tb *tb)
{
	size_t i, n = qemu_plugin_tb_n_insns(tb);

	for (i = 0; i < n; i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
		unsigned long long vaddr = qemu_plugin_insn_vaddr(insn);
		const int op = QEMU_PLUGIN_INLINE_ADD_U64;

		/* The kernel's */
		if (vaddr >> 63)
			qemu_plugin_register_vcpu_insn_exec_inline_per_vcpu(insn, op,
									    counter(vaddr), 1);
	}
}

static void done(unsigned long long id, void *data)
{
	FILE *out = fopen(path, "w");
	unsigned int i;

	if (!out) {
		perror(path);
		return;
	}
	for (i = 0; i < SLOTS; i++) {
		struct qemu_plugin_u64 count = { counts, i * sizeof(unsigned long long) };
		unsigned long long n = vaddrs[i] ? qemu_plugin_u64_sum(count) : 0;

		if (n)
			fprintf(out, "%llx %llu\n", vaddrs[i], n);
	}
	fclose(out);
}

int qemu_plugin_install(unsigned long long id, const struct qemu_info_t *info,
			int argc, char **argv)
{
	if (argc > 0 && !strncmp(argv[0], "out=", 4))
		path = strdup(argv[0] + 4);
	counts = qemu_plugin_scoreboard_new(SLOTS * sizeof(unsigned long long));
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	qemu_plugin_register_atexit_cb(id, done, NULL);
	return 0;
}
