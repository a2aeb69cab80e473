// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * slow-work benchmark: the longest sections with interrupts off, as irqsoff.h
 * sees them begin and end
 *
 * A section ends where interrupts come on, whatever locks are taken and dropped
 * before.  One that began with interrupts off already, as in a timer's function,
 * ends with the lock; but several of these may come in a row before interrupts
 * are on: the kernel calls one function after the other for timers of our kind
 * that are due at once.  An interrupt that we send ourselves tells when that has
 * come to its end.
 */

#define pr_fmt(fmt) "slow_work_storm: " fmt

#include <linux/export.h>
#include <linux/irq_work.h>
#include <linux/kernel.h>
#include <linux/math64.h>
#include <linux/string.h>
#include <linux/timex.h>
#include "irqsoff.h"

static struct irqsoff_site *irqsoff_sites;
static bool irqsoff_on;

/* What the time stamps themselves take: inside of a section, and all in all */
static u64 irqsoff_tax, irqsoff_row_tax;

/* The section that we are in, if it has a site; interrupts are off */
static struct {
	struct irqsoff_site *site;
	unsigned long from;
	u64 began;
	unsigned int locks;
	bool were_off;
} irqsoff;

/**
 * struct irqsoff_row - sections in a row, with interrupts off between them too
 * @first: where the first began
 * @from: the same
 * @n: how many
 * @began: when the first did
 * @ended: when the last did
 */
struct irqsoff_row {
	const struct irqsoff_site *first;
	unsigned long from;
	unsigned long n;
	u64 began;
	u64 ended;
};

static struct irqsoff_row irqsoff_row, irqsoff_longest;

static u64 irqsoff_length(const struct irqsoff_row *row)
{
	u64 ns = row->ended - row->began;

	return ns - min(ns, row->n * irqsoff_row_tax);
}

static void irqsoff_row_is_over(struct irq_work *unused)
{
	struct irqsoff_row *row = &irqsoff_row;

	if (irqsoff_on && row->n &&
	    irqsoff_length(row) >= irqsoff_length(&irqsoff_longest))
		irqsoff_longest = *row;
	row->n = 0;
}

static struct irq_work irqsoff_irq_work = IRQ_WORK_INIT_HARD(irqsoff_row_is_over);

/**
 * irqsoff_begin - a lock is about to be taken, or interrupts are off just now
 * @site: where
 * @irqs_on: they were on before
 *
 * Not inlined: where it returns to is in the function that @site was inlined into.
 */
noinline void irqsoff_begin(struct irqsoff_site *site, bool irqs_on)
{
	irqsoff.locks++;
	if (irqsoff.site)
		return;
	irqsoff.site = site;
	irqsoff.from = _RET_IP_;
	irqsoff.were_off = !irqs_on;
	if (!site->known) {
		site->known = true;
		site->next = irqsoff_sites;
		irqsoff_sites = site;
	}
	if (!irqs_on && !irqsoff_row.n) {
		irqsoff_row.first = site;
		irqsoff_row.from = _RET_IP_;
		irq_work_queue(&irqsoff_irq_work);
		irqsoff_row.began = get_cycles();
	}
	irqsoff.began = get_cycles();
}

/**
 * irqsoff_end - a lock was dropped
 * @irqs_on: interrupts are on, or about to be
 */
noinline void irqsoff_end(bool irqs_on)
{
	struct irqsoff_site *site = irqsoff.site;
	u64 now = get_cycles(), ns;

	irqsoff.locks--;
	if (!site || !(irqs_on || (irqsoff.were_off && !irqsoff.locks)))
		return;
	irqsoff.site = NULL;
	if (irqsoff.were_off) {
		irqsoff_row.n++;
		irqsoff_row.ended = now;
	}
	if (!irqsoff_on)
		return;
	ns = now - irqsoff.began;
	ns -= min(ns, irqsoff_tax);
	site->n++;
	if (ns > site->ns) {
		site->ns = ns;
		site->from = irqsoff.from;
		site->to = _RET_IP_;
	}
}

/* A section with nothing in it, and the same without us, with interrupts off */
static void irqsoff_calibrate(void)
{
	static DEFINE_RAW_SPINLOCK(lock);
	const unsigned int n = 1000;
	unsigned long flags;
	u64 since, bare, all;
	unsigned int i;

	local_irq_save(flags);
	since = get_cycles();
	for (i = 0; i < n; i++) {
		_raw_spin_lock(&lock);
		_raw_spin_unlock(&lock);
	}
	bare = div_u64(get_cycles() - since, n);

	irqsoff_on = true;
	since = get_cycles();
	for (i = 0; i < n; i++) {
		raw_spin_lock(&lock);
		raw_spin_unlock(&lock);
	}
	all = div_u64(get_cycles() - since, n);
	irqsoff_on = false;
	local_irq_restore(flags);

	/* The site is the one that was passed last */
	irqsoff_tax = irqsoff_sites->ns - min(irqsoff_sites->ns, bare);
	irqsoff_row_tax = all - min(all, bare);
}

/**
 * irqsoff_start - have the longest sections from now on
 */
void irqsoff_start(void)
{
	struct irqsoff_site *site;

	irqsoff_calibrate();
	for (site = irqsoff_sites; site; site = site->next) {
		site->n = 0;
		site->ns = 0;
	}
	irqsoff_longest = (struct irqsoff_row){};
	irqsoff_on = true;
}
EXPORT_SYMBOL_GPL(irqsoff_start);

static struct irqsoff_site *irqsoff_next_longest(void)
{
	struct irqsoff_site *site, *longest = NULL;

	for (site = irqsoff_sites; site; site = site->next)
		if (site->n && (!longest || site->ns > longest->ns))
			longest = site;
	return longest;
}

/**
 * irqsoff_report - a line for each place, longest section first; for all; for rows
 *
 * Ends the measurement.
 */
void irqsoff_report(void)
{
	const struct irqsoff_row *row = &irqsoff_longest;
	unsigned long n = 0;
	struct irqsoff_site *site;
	u64 most = 0;

	irqsoff_on = false;
	while ((site = irqsoff_next_longest())) {
		pr_info("job=storm engine=slow_work round=0 what=site ns=%llu n=%lu at=%s:%u from=%ps to=%ps\n",
			site->ns, site->n, kbasename(site->file), site->line,
			(void *)site->from, (void *)site->to);
		most = max(most, site->ns);
		n += site->n;
		site->n = 0;
	}
	pr_info("job=storm engine=slow_work round=0 what=irqs-off ns=%llu n=%lu\n",
		most, n);
	if (row->n)
		pr_info("job=storm engine=slow_work round=0 what=row ns=%llu n=%lu at=%s:%u from=%ps\n",
			irqsoff_length(row), row->n,
			kbasename(row->first->file), row->first->line,
			(void *)row->from);
	else
		pr_info("job=storm engine=slow_work round=0 what=row ns=0 n=0\n");
}
EXPORT_SYMBOL_GPL(irqsoff_report);
