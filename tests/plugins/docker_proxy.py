"""A proxy before an engine's socket, in a process of its own, which tests end as they like.

`python docker_proxy.py ENGINE SOCKET`, or `... ENGINE tls FOLDER` on a port of 127.0.0.1, with the folder's
`server.pem`, `server-key.pem`, and `ca.pem` for the certificates that it wants to see. It prints where it is.
"""

from __future__ import annotations

import asyncio
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def proxy(engine: str, *words: str) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Start a proxy; give its URL and its process."""
    command = [sys.executable, __file__, engine.removeprefix("unix://"), *words]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdout is not None
    try:
        yield process.stdout.readline().decode().strip(), process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


async def main(engine: str, place: str, folder: str = "") -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner = await asyncio.open_unix_connection(engine)
        await asyncio.gather(pump(reader, inner[1]), pump(inner[0], writer))

    if place != "tls":
        server = await asyncio.start_unix_server(serve, place)
        print(f"unix://{place}", flush=True)
    else:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(Path(folder, "server.pem"), Path(folder, "server-key.pem"))
        context.load_verify_locations(Path(folder, "ca.pem"))
        context.verify_mode = ssl.CERT_REQUIRED
        server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
        print(f"tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
