# SPDX-License-Identifier: GPL-2.0-or-later
# A lock is held around a cancel, which waits for put_ref too, and taken by the item: lockdep tells.
deadlock put
plan
