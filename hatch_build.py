"""What an installation does besides copying files: it compiles the training kernel.

Where that can't be done, the installation goes on without, and the kernel's WebAssembly module,
which is in the repository, serves under wasmtime.
"""

from __future__ import annotations

import sys
import sysconfig
from pathlib import Path
from types import ModuleType
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class KernelBuildHook(BuildHookInterface):  # type: ignore[type-arg]
    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """The compiler, where there is one for this machine and something to compile."""
        if self.target_name != "wheel":
            return []
        build = self._import_build()
        return [build.recipe.COMPILER] if build.can_build() and not build.is_built() else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compiles into the checkout, which an editable installation uses as it is; a wheel gets
        the libraries, and the tag of the platform that they are for."""
        if self.target_name != "wheel":
            return
        build = self._import_build()
        try:
            libraries = build.build_native()
        except (build.KernelBuildError, OSError) as error:
            self.app.display_warning(
                f"The training kernel was not compiled: {error}\n"
                "It will run under wasmtime instead, at about a third of its speed."
            )
            return
        if version == "editable":
            return
        platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{platform}"
        for path in [*libraries, build.recipe.BUILT / build.recipe.MANIFEST]:
            place = Path("quizserver", "kernel", "built", path.name)
            build_data["force_include"][str(path)] = place.as_posix()

    def _import_build(self) -> ModuleType:
        """``quizserver.kernel.build`` of this checkout, which needs no other package."""
        sys.path.insert(0, self.root)
        try:
            from quizserver.kernel import build
        finally:
            sys.path.remove(self.root)
        return build
