#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# readme.sh LANGUAGE: prints the code of that language in README.md
exec sed -n "/^\`\`\`$1\$/,/^\`\`\`\$/{/^\`\`\`/!p}" "$(dirname "$0")/../README.md"
