# SPDX-License-Identifier: MIT
"""PyGObject: a GLib timeout, a file that Gio reads asynchronously, a signal handler in Python."""

import gi

gi.require_version("Gio", "2.0")
from gi.repository import Gio, GLib, GObject  # noqa: E402

loop = GLib.MainLoop()
seen = []


class Bell(GObject.Object):
    @GObject.Signal(arg_types=(int,))
    def ring(self, times):
        seen.append(f"own handler {times}")


def tick():
    seen.append("tick")
    if seen.count("tick") < 3:
        return True
    file.load_contents_async(None, loaded)
    return False


def loaded(source, result):
    _, contents, _ = source.load_contents_finish(result)
    seen.append(contents.decode().splitlines()[0])
    loop.quit()


bell = Bell()
bell.connect("ring", lambda _bell, times: seen.append(f"handler {times}"))
bell.emit("ring", 2)

action = Gio.SimpleAction.new("act", GLib.VariantType.new("s"))
action.connect("activate", lambda _action, value: seen.append(value.unpack()))
action.activate(GLib.Variant("s", "activated"))

file = Gio.File.new_for_path(__file__)
GLib.timeout_add(1, tick)
loop.run()
print(seen)
