/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * slow-work benchmark: sysctls written and files of debugfs read, from a module
 */

#ifndef _SLOW_WORK_BENCH_FILES_H
#define _SLOW_WORK_BENCH_FILES_H

#include <linux/err.h>
#include <linux/fs.h>
#include <linux/kernel.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/uio.h>

#define BENCH_SYSCTL(name)	"/proc/sys/kernel/slow-work/" name
#define BENCH_RUNQUEUE		"/sys/kernel/debug/slow_work/runqueue"

/* An integer, into a sysctl or the like */
static inline int bench_set(const char *path, int value)
{
	struct file *file;
	char text[16];
	loff_t pos = 0;
	ssize_t ret;
	int len;

	file = filp_open(path, O_WRONLY, 0);
	if (IS_ERR(file))
		return PTR_ERR(file);
	len = scnprintf(text, sizeof(text), "%d\n", value);
	ret = kernel_write(file, text, len, &pos);
	filp_close(file, NULL);
	return ret < 0 ? ret : 0;
}

/*
 * Reads a file that is a seq_file, to its end or so many pages, and counts its
 * lines.  debugfs goes before a file and lets user space alone read it; the
 * seq_file is behind.
 */
static inline int bench_read(const char *path, unsigned int pages,
			     unsigned long *lines)
{
	struct file *file = filp_open(path, O_RDONLY, 0);
	char *buf = kmalloc(PAGE_SIZE, GFP_KERNEL);
	struct iov_iter to;
	struct kiocb kiocb;
	struct kvec vec;
	ssize_t ret = -ENOMEM, i;

	if (IS_ERR(file)) {
		kfree(buf);
		return PTR_ERR(file);
	}
	init_sync_kiocb(&kiocb, file);
	vec.iov_base = buf;
	vec.iov_len = PAGE_SIZE;
	while (buf && pages--) {
		iov_iter_kvec(&to, READ, &vec, 1, PAGE_SIZE);
		ret = seq_read_iter(&kiocb, &to);
		if (ret <= 0)
			break;
		for (i = 0; i < ret; i++)
			if (buf[i] == '\n')
				WRITE_ONCE(*lines, *lines + 1);
	}
	filp_close(file, NULL);
	kfree(buf);
	return ret;
}

#endif /* _SLOW_WORK_BENCH_FILES_H */
