"""What clients do beside a test, until it is done."""

import threading


class Beside:
    """Threads that run while the block runs; each looks at `stopped`."""

    def __init__(self, *targets):
        self.stopped = threading.Event()
        self._threads = [threading.Thread(target=target) for target in targets]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopped.set()
        for thread in self._threads:
            thread.join()
