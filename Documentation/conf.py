# SPDX-License-Identifier: GPL-2.0-or-later
# What sphinx is told; tests/docs.sh runs it.  kerneldoc and automarkup are the
# kernel's own extensions, from the sources that KERNEL_SOURCE names.

import os
import sys

source = os.environ["KERNEL_SOURCE"]
sys.path.insert(0, os.path.join(source, "Documentation/sphinx"))

project = "slow-work"
author = "the slow-work developers"
copyright = author
extensions = ["kerneldoc", "automarkup"]
exclude_patterns = ["output"]
primary_domain = "c"
highlight_language = "none"

kerneldoc_bin = os.path.join(source, "scripts/kernel-doc")
kerneldoc_srctree = os.path.abspath("..")

html_theme = "alabaster"
html_theme_options = {"fixed_sidebar": True, "page_width": "60em"}
html_sidebars = {"**": ["about.html", "navigation.html", "searchbox.html"]}
html_copy_source = False
smartquotes = False

# What a kernel tree does not show
tags.add("standalone")  # noqa: F821


def setup(app):
    """Pages name files as a kernel tree has them; here they are nearer."""
    def paths(_app, _page, text):
        text[0] = text[0].replace("../../samples/slow-work/", "../samples/")
        text[0] = text[0].replace("kernel-doc:: kernel/slow-work/", "kernel-doc:: ")
    app.connect("source-read", paths)

man_pages = [
    ("callers", "slow-work", "a shared pool of threads for work that blocks",
     author, 7),
    ("from-workqueue", "slow-work-from-workqueue",
     "moving a caller from a workqueue, and back", author, 7),
    ("administration", "slow-work-administration",
     "settings and views of the slow-work pool", author, 8),
    ("slow-work-top", "slow-work-top", "what the slow-work pool does, live",
     author, 8),
    ("slow-work-dump", "slow-work-dump",
     "what the slow-work pool has, from a kernel's memory", author, 8),
]
