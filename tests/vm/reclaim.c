// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * reclaim: what reclaim.sh wants of user space
 *
 *	hog MB PAGES [FILE]	writes a mapping of so many MB again and again, until
 *				so many pages have gone to swap, or to FILE; each
 *				page is first looked at whether it is as it was left
 *	watch LOOKS DISK CALLER ORDER
 *				looks at what a disk's directory tells of it, ten times
 *				a second; if it serves nothing while it has requests,
 *				for LOOKS looks in a row, writes ORDER to the control
 *				file of CALLER and ends with 2; SIGTERM ends it
 *
 * The watch goes on while no memory is to be had: all of it is locked, and its files
 * are open and have been read.  It says when it is so far.
 */

#include <err.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define PAGE		4096
#define PAGE_WORDS	(PAGE / sizeof(unsigned long long))
#define AHEAD		256	/* pages */
#define LOOK_NS		100000000

/* The hog ***********************************************************/

static unsigned long swapped_out(void)
{
	unsigned long pages = 0;
	char line[128];
	FILE *file = fopen("/proc/vmstat", "r");

	if (!file)
		err(1, "/proc/vmstat");
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "pswpout %lu", &pages) == 1)
			break;
	fclose(file);
	return pages;
}

/* No two words of a mapping are ever the same. */
static unsigned long long hog_word(unsigned long round, size_t at)
{
	return (unsigned long long)round << 40 | at;
}

static void hog_page(unsigned long long *page, size_t at, unsigned long round)
{
	size_t i;

	for (i = 0; round && i < PAGE_WORDS; i++)
		if (page[i] != hog_word(round, at + i))
			errx(1, "round %lu: word %zu is %#llx", round, at + i,
			     page[i]);
	for (i = 0; i < PAGE_WORDS; i++)
		page[i] = hog_word(round + 1, at + i);
}

/* Pages are asked for some at a time, or each would be waited for. */
static void hog_round(unsigned long long *map, size_t pages, unsigned long round)
{
	size_t i;

	for (i = 0; i < pages; i++) {
		if (i % AHEAD == 0 &&
		    madvise(map + i * PAGE_WORDS, AHEAD * PAGE, MADV_WILLNEED))
			err(1, "madvise");
		hog_page(map + i * PAGE_WORDS, i * PAGE_WORDS, round);
	}
}

static int hog(size_t bytes, unsigned long wanted, const char *name)
{
	int flags = name ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS;
	unsigned long round = 0, pages = 0, before = swapped_out();
	unsigned long long *map;
	int fd = -1;

	if (name) {
		fd = open(name, O_RDWR | O_CREAT, 0600);
		if (fd < 0 || posix_fallocate(fd, 0, bytes))
			err(1, "%s", name);
	}
	map = mmap(NULL, bytes, PROT_READ | PROT_WRITE, flags, fd, 0);
	if (map == MAP_FAILED)
		err(1, "mmap");
	while (pages < wanted) {
		hog_round(map, bytes / PAGE, round++);
		if (name && msync(map, bytes, MS_SYNC))
			err(1, "%s", name);
		pages = name ? round * (bytes / PAGE) : swapped_out() - before;
		printf("%s: %lu rounds, %lu pages out\n", name ?: "swap",
		       round, pages);
		fflush(stdout);
	}
	return 0;
}

/* The watch *********************************************************/

struct watch_state {
	unsigned long done;	/* requests */
	unsigned long in_flight;
};

static void watch_read(int fd, char *text, size_t size)
{
	ssize_t got = pread(fd, text, size - 1, 0);

	if (got <= 0)
		err(1, "cannot look");
	text[got] = '\0';
}

/* On some kernels stat leaves out requests in flight that are for partitions. */
static struct watch_state watch_look(int stat, int inflight)
{
	unsigned long read, wrote, reads, writes;
	char text[512];

	watch_read(stat, text, sizeof(text));
	if (sscanf(text, "%lu %*u %*u %*u %lu", &read, &wrote) != 2)
		errx(1, "stat: %s", text);
	watch_read(inflight, text, sizeof(text));
	if (sscanf(text, "%lu %lu", &reads, &writes) != 2)
		errx(1, "inflight: %s", text);
	return (struct watch_state) {
		.done = read + wrote,
		.in_flight = reads + writes,
	};
}

static int watch_open(const char *dir, const char *name, int flags)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, flags);
	if (fd < 0)
		err(1, "%s", path);
	return fd;
}

static void watch_end(int sig)
{
	_exit(0);
}

static int watch(unsigned int looks, const char *disk, const char *gate,
		 const char *order)
{
	const struct timespec pause = { .tv_nsec = LOOK_NS };
	int inflight = watch_open(disk, "inflight", O_RDONLY);
	int stat = watch_open(disk, "stat", O_RDONLY);
	int control = watch_open(gate, "control", O_WRONLY);
	struct watch_state was, is;
	unsigned int still = 0;

	signal(SIGTERM, watch_end);
	if (mlockall(MCL_CURRENT | MCL_FUTURE))
		err(1, "mlockall");
	was = watch_look(stat, inflight);
	printf("ready\n");
	fflush(stdout);
	while (still < looks) {
		nanosleep(&pause, NULL);
		is = watch_look(stat, inflight);
		if (is.in_flight && is.done == was.done)
			still++;
		else
			still = 0;
		was = is;
	}
	if (write(control, order, strlen(order)) < 0)
		err(1, "%s", gate);
	printf("%lu requests waited, none was served at %u looks\n",
	       is.in_flight, looks);
	return 2;
}

int main(int argc, char **argv)
{
	if (argc >= 4 && !strcmp(argv[1], "hog"))
		return hog(strtoul(argv[2], NULL, 10) << 20,
			   strtoul(argv[3], NULL, 10), argv[4]);
	if (argc == 6 && !strcmp(argv[1], "watch"))
		return watch(strtoul(argv[2], NULL, 10), argv[3], argv[4], argv[5]);
	errx(1, "see the head of reclaim.c");
}
