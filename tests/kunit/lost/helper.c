// SPDX-License-Identifier: GPL-2.0-or-later
/* An object belongs to one module */
#include "../helper.c"
