/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The few calls of QEMU's plugin interface that count.c uses, as they are from QEMU 9
 * on: Debian packages no header.
 */

#ifndef _SLOW_WORK_BENCH_COUNT_H
#define _SLOW_WORK_BENCH_COUNT_H

#include <stddef.h>

typedef void (*qemu_plugin_atexit_cb_t)(unsigned long long id, void *data);

struct qemu_info_t;
struct qemu_plugin_insn;
struct qemu_plugin_scoreboard;
struct qemu_plugin_tb;

typedef void (*qemu_plugin_trans_cb_t)(unsigned long long id,
				       struct qemu_plugin_tb *tb);

enum qemu_plugin_op { QEMU_PLUGIN_INLINE_ADD_U64 };

/* A number for each CPU, in an element of a board */
struct qemu_plugin_u64 {
	struct qemu_plugin_scoreboard *score;
	size_t offset;
};

void qemu_plugin_register_vcpu_tb_trans_cb(unsigned long long id,
					   qemu_plugin_trans_cb_t cb);
void qemu_plugin_register_atexit_cb(unsigned long long id,
				    qemu_plugin_atexit_cb_t cb, void *data);
void qemu_plugin_register_vcpu_insn_exec_inline_per_vcpu(struct qemu_plugin_insn *insn,
							 enum qemu_plugin_op op,
							 struct qemu_plugin_u64 counter,
							 unsigned long long by);
struct qemu_plugin_scoreboard *qemu_plugin_scoreboard_new(size_t element_size);
unsigned long long qemu_plugin_u64_sum(struct qemu_plugin_u64 counter);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb,
						 size_t index);
unsigned long long qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);

#endif /* _SLOW_WORK_BENCH_COUNT_H */
