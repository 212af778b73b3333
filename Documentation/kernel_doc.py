# SPDX-License-Identifier: GPL-2.0
"""The directive `.. kernel-doc:: PATTERN`: kernel-doc comments as Sphinx text.

The kernel's kernel-doc script (environment KERNELDOC) does the work.  Without
it the file itself is shown: its comments say the same.

PATTERN is a file or a glob, from the top of the tree.  Options: `:functions: a b
c` only these; `:export:` only what the files export to other modules.
"""

import os
import subprocess
from pathlib import Path

import sphinx
from docutils import nodes
from docutils.parsers.rst import Directive, directives
from docutils.statemachine import StringList

TOP = Path(__file__).resolve().parent.parent


class KernelDoc(Directive):
    """Includes the kernel-doc of one source file."""
    required_arguments = 1
    option_spec = {"functions": directives.unchanged_required,
                   "export": directives.flag}

    def run(self):
        """The nodes that replace the directive."""
        found = []
        for path in sorted(TOP.glob(self.arguments[0])):
            text = path.read_text()
            if "export" not in self.options or "\nEXPORT_SYMBOL" in text:
                found += self._file(path, text)
        if not found:
            raise self.error(f"no kernel-doc in {self.arguments[0]}")
        return found

    def _file(self, path, text):
        self.state.document.settings.env.note_dependency(str(path))
        script = os.environ.get("KERNELDOC")
        if not script:
            return [nodes.literal_block(text=text)]
        return self._parse(self._rest(script, path), path)

    def _rest(self, script, path):
        command = [script, "-rst", "-sphinx-version", sphinx.__version__]
        if "export" in self.options:
            command.append("-export")
        for name in self.options.get("functions", "").split():
            command += ["-function", name]
        done = subprocess.run(command + [str(path)], capture_output=True,
                              text=True, check=False)
        if done.returncode or done.stderr.strip():
            raise self.error(done.stderr or f"{script} failed")
        if not done.stdout.strip():
            raise self.error(f"no kernel-doc in {path}")
        return done.stdout

    def _parse(self, text, path):
        lines = StringList(text.expandtabs(8).splitlines(), source=str(path))
        holder = nodes.section()
        self.state.nested_parse(lines, self.content_offset, holder,
                                match_titles=1)
        return holder.children


def setup(app):
    """Called by Sphinx."""
    app.add_directive("kernel-doc", KernelDoc)
    return {"parallel_read_safe": True}
