"""A TCP proxy on loopback that can be taken away and brought back: a network that fails."""

import contextlib
import socket
import threading


class Proxy:
    """Passes connections on to a port of this machine while it is up."""

    def __init__(self, target: int):
        self.target = target
        self._listener = self._connections = None
        self.port = 0
        self.start()

    def start(self):
        """Listen, on the same port as before."""
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self.port = self._listener.getsockname()[1]
        self._connections = []
        threading.Thread(target=self._accept, args=(self._listener, self._connections), daemon=True).start()

    def stop(self):
        """Cut every connection and refuse new ones."""
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()
            for connection in self._connections:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def _accept(self, listener, connections):
        while True:
            try:
                client, _ = listener.accept()
                server = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                return
            connections += [client, server]
            for pair in ((client, server), (server, client)):
                threading.Thread(target=_pour, args=pair, daemon=True).start()


def _pour(source, target):
    with contextlib.suppress(OSError):
        while chunk := source.recv(65536):
            target.sendall(chunk)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_RDWR)
