"""The oras library for Python as a program: oras_client.py HOST PASSWORD COMMAND [ARGUMENT …], answers as JSON."""

import json
import sys

import oras.client
from oras.oci import Subject

host, password, command, *words = sys.argv[1:]
# With tokens this client asks for one scope and never for another; with a password it works with any registry.
client = oras.client.OrasClient(hostname=host, insecure=True, auth_backend="basic")
client.auth.set_basic_auth("admin", password)


def push(target, file, media_type, *options):
    """Options: `chunked`, or a subject as `mediaType digest size`."""
    arguments = {"files": [f"{file}:{media_type}"], "manifest_annotations": {"from": "oras"}, "quiet": True}
    for option in options:
        if option == "chunked":
            arguments |= {"do_chunked": True, "chunk_size": 1 << 20}
        elif option.startswith("config="):
            arguments["manifest_config"] = option.removeprefix("config=")
        else:
            kind, digest, size = option.split(" ")
            arguments["subject"] = Subject(mediaType=kind, digest=digest, size=int(size))
    answer = client.push(target=f"{host}/{target}", **arguments)
    return {"digest": answer.headers["Docker-Content-Digest"], "subject": answer.headers.get("OCI-Subject")}


def pull(target, folder):
    return client.pull(target=f"{host}/{target}", outdir=folder)


def tags(target):
    return client.get_tags(f"{host}/{target}")


def delete(target, tag):
    return client.delete_tag(f"{host}/{target}", tag)


json.dump(globals()[command](*words), sys.stdout)
