# SPDX-License-Identifier: GPL-2.0-or-later
# Reads KTAP, nested to any depth, and counts its leaves: a result that sums up
# results nested below it is none.  Prints "PASSED FAILED SKIPPED".  Counted as failed are
# also a result that is skipped, a plan that is missing or not kept, and a parent
# that failed though all below it passed.  Exit status 1 if anything failed or
# there is no result at all.  After the line "# skips are no failures" those count
# as nothing.

function close_level(d) {
	if (plan[d] == "" || plan[d] != seen[d])
		failed++
	plan[d] = ""; seen[d] = 0
}

{ match($0, /^ */); indent = RLENGTH; line = substr($0, indent + 1) }

line ~ /^# skips are no failures/ { lenient = 1 }

line ~ /^1\.\.[0-9]+/ {
	split(line, part, /\.\.| /)
	plan[indent] = part[2]
	levels[indent] = 1
}

line ~ /^(not )?ok [0-9]+/ {
	skip = toupper(line) ~ /# SKIP/
	good = line !~ /^not / && (lenient || !skip)
	children = 0
	for (d in levels)
		if (d + 0 > indent) {
			if (seen[d] || plan[d] != "")
				children = 1
			close_level(d)
			delete levels[d]
		}
	levels[indent] = 1
	seen[indent]++
	if (!children) {
		if (!good)
			failed++
		else if (skip)
			skipped++
		else
			passed++
		below = failed
	} else if (!good && failed == before[indent] + 0)
		failed++
	before[indent] = failed
}

END {
	for (d in levels)
		close_level(d)
	if (!passed && !failed && !skipped)
		failed = 1
	print passed + 0, failed + 0, skipped + 0
	exit failed > 0
}
