# SPDX-License-Identifier: MIT
"""A service on the system bus, by dasbus and PyGObject."""

from dasbus.connection import SystemMessageBus
from dasbus.loop import EventLoop
from dasbus.server.interface import dbus_interface
from dasbus.typing import Str

NAME = "org.example.Reverser"


@dbus_interface(NAME)
class Reverser:
    def Reverse(self, text: Str) -> Str:
        return text[::-1]


bus = SystemMessageBus()
bus.publish_object("/org/example/Reverser", Reverser())
bus.register_service(NAME)
EventLoop().run()
