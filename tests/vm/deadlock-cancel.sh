# SPDX-License-Identifier: GPL-2.0-or-later
# A lock is held around a cancel and taken by the item: lockdep tells.
deadlock nothing
deadlock cancel
plan
