"""Makes the demo image as an OCI layout: a Debian layer, a layer of Python packages, a configuration.

The same inputs give the same digests: names are sorted, times and owners are fixed, gzip carries no time. Nothing needs
root, and nothing is unpacked to disk.

usage: image.py BASE.tar WHEELS_FOLDER LAYOUT_FOLDER TAG
"""

import gzip
import hashlib
import io
import json
import os
import sys
import tarfile
import zipfile
from pathlib import Path

# The creation time of everything in the application layer, and of the image.
CREATED_SECONDS = 1700000000
CREATED = "2023-11-14T22:13:20Z"
SITE_PACKAGES = "usr/local/lib/python3.11/dist-packages"
APPLICATION = "srv/shop/shop.py"
APPLICATION_TEXT = b'print("The shop is open.")\n'
CHUNK_BYTES = 1 << 20


def main(base: Path, wheels: Path, layout: Path, tag: str) -> None:
    blobs = layout / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    with base.open("rb") as stream:
        layers = [add_layer(blobs, stream)]
    layers.append(add_layer(blobs, application_layer(sorted(wheels.glob("*.whl")))))
    config = add_document(blobs, "application/vnd.oci.image.config.v1+json", configuration(layers))
    manifest = add_document(
        blobs,
        "application/vnd.oci.image.manifest.v1+json",
        {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": config,
            "layers": [descriptor for descriptor, _ in layers],
        },
    )
    manifest["annotations"] = {"org.opencontainers.image.ref.name": tag}
    index = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [manifest],
    }
    (layout / "index.json").write_text(json.dumps(index))
    (layout / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
    for descriptor, _ in layers:
        print(f"layer {descriptor['digest']} {descriptor['size']} bytes")
    print(f"image {manifest['digest']}")


def configuration(layers: list) -> dict:
    history = ["mmdebstrap --variant=minbase bookworm", "install requirements.txt and the shop"]
    return {
        "created": CREATED,
        "architecture": "amd64",
        "os": "linux",
        "config": {
            "User": "1000:1000",
            "Env": ["PATH=/usr/local/bin:/usr/bin:/bin"],
            "Cmd": ["python3", "/" + APPLICATION],
            "WorkingDir": "/srv/shop",
            "Labels": {"org.opencontainers.image.title": "shop"},
        },
        "rootfs": {"type": "layers", "diff_ids": [diff_id for _, diff_id in layers]},
        "history": [{"created": CREATED, "created_by": step} for step in history],
    }


def application_layer(wheels: list) -> io.BytesIO:
    """A tar with the packages where pip would put them, and the application."""
    files = {APPLICATION: APPLICATION_TEXT}
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive:
            for name in archive.namelist():
                if not name.endswith("/"):
                    files[f"{SITE_PACKAGES}/{name}"] = archive.read(name)
                if name.endswith(".dist-info/METADATA"):
                    folder = name.rsplit("/", 1)[0]
                    files[f"{SITE_PACKAGES}/{folder}/INSTALLER"] = b"pip\n"
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for folder in sorted({parent for name in files for parent in parents(name)}):
            entry = fixed(tarfile.TarInfo(folder))
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(entry)
        for name in sorted(files):
            entry = fixed(tarfile.TarInfo(name))
            entry.size, entry.mode = len(files[name]), 0o644
            tar.addfile(entry, io.BytesIO(files[name]))
    stream.seek(0)
    return stream


def parents(name: str) -> list:
    parts = name.split("/")[:-1]
    return ["/".join(parts[: count + 1]) for count in range(len(parts))]


def fixed(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.mtime = CREATED_SECONDS
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = "root"
    return entry


def add_layer(blobs: Path, stream) -> tuple:
    """Compresses a tar into a blob; returns its descriptor and the digest of the tar."""
    plain = hashlib.sha256()
    unnamed = blobs / "layer.part"
    with unnamed.open("wb") as target:
        with gzip.GzipFile(filename="", mode="wb", compresslevel=6, fileobj=target, mtime=0) as packed:
            while chunk := stream.read(CHUNK_BYTES):
                plain.update(chunk)
                packed.write(chunk)
    digest = file_digest(unnamed)
    os.replace(unnamed, blobs / digest)
    descriptor = {
        "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
        "digest": f"sha256:{digest}",
        "size": (blobs / digest).stat().st_size,
    }
    return descriptor, f"sha256:{plain.hexdigest()}"


def add_document(blobs: Path, media_type: str, document: dict) -> dict:
    content = json.dumps(document, separators=(",", ":"), sort_keys=True).encode()
    digest = hashlib.sha256(content).hexdigest()
    (blobs / digest).write_bytes(content)
    return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(content)}


def file_digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4])
