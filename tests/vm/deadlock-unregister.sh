# SPDX-License-Identifier: GPL-2.0-or-later
# A lock is held around an unregister and taken by the item: lockdep tells.
deadlock unregister
plan
