//! Executables and archives around the few bytes that a reader looks for.

/// The readers of executables and archives, and a path of each.
pub const BINARIES: [(&str, &str); 4] = [
    ("classifier", "usr/sbin/redis-server"),
    ("go", "usr/bin/app"),
    ("java-archive", "srv/app-1.0.jar"),
    ("rust", "usr/bin/tool"),
];

/// Returns a file of the extractor's kind that holds `content` where it is looked for.
#[must_use]
pub fn whole(extractor: &str, content: &[u8]) -> Vec<u8> {
    match extractor {
        "go" => go_program(content),
        "rust" => [b"\x7fELF".as_slice(), &[0; 60], &zlib(content)].concat(),
        "java-archive" => jar(content),
        _ => [b"\x7fELF".as_slice(), &[0; 60], content].concat(),
    }
}

/// Build information of Go 1.18 and later around a text of modules.
fn go_program(modules: &[u8]) -> Vec<u8> {
    let begin = b"\x30\x77\xaf\x0c\x92\x74\x08\x02\x41\xe1\xc1\x07\xe6\xd6\x18\xe6";
    let end = b"\xf9\x32\x43\x31\x86\x18\x20\x72\x00\x82\x42\x10\x41\x16\xd8\xf2";
    let mut file = [
        b"\x7fELF".as_slice(),
        &[0; 60],
        b"\xff Go buildinf:\x08\x02",
        &[0; 16],
    ]
    .concat();
    file.extend(b"\x08go1.21.5");
    let mut length = modules.len() + begin.len() + end.len();
    while length >= 0x80 {
        file.push((length & 0x7f) as u8 | 0x80);
        length >>= 7;
    }
    file.push(length as u8);
    file.extend([begin.as_slice(), modules, end].concat());
    file
}

/// A zlib stream of stored blocks: compressing would hide from the fuzzer what it changed.
fn zlib(content: &[u8]) -> Vec<u8> {
    let mut stream = vec![0x78, 0x01];
    let mut blocks = content.chunks(0xffff).peekable();
    while let Some(block) = blocks.next() {
        let length = block.len() as u16;
        stream.push(u8::from(blocks.peek().is_none()));
        stream.extend(length.to_le_bytes());
        stream.extend((!length).to_le_bytes());
        stream.extend(block);
    }
    let (low, high) = content.iter().fold((1_u32, 0_u32), |(low, high), byte| {
        let low = (low + u32::from(*byte)) % 65_521;
        (low, (high + low) % 65_521)
    });
    stream.extend((high << 16 | low).to_be_bytes());
    stream
}

/// A zip of three stored entries: a manifest, a project file, and an archive inside, divided at the first zero bytes.
fn jar(content: &[u8]) -> Vec<u8> {
    const NAMES: [&str; 3] = [
        "META-INF/MANIFEST.MF",
        "META-INF/maven/g/app/pom.xml",
        "lib/inner-1.0.jar",
    ];
    let mut parts = content.splitn(NAMES.len(), |byte| *byte == 0);
    let (mut file, mut directory) = (Vec::new(), Vec::new());
    for name in NAMES {
        let data = parts.next().unwrap_or_default();
        let mut common = vec![20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        common.extend((data.len() as u32).to_le_bytes());
        common.extend((data.len() as u32).to_le_bytes());
        common.extend((name.len() as u16).to_le_bytes());
        common.extend([0, 0]);
        directory.extend(b"PK\x01\x02\x14\0");
        directory.extend(&common);
        directory.extend([0; 10]);
        directory.extend((file.len() as u32).to_le_bytes());
        directory.extend(name.as_bytes());
        file.extend(b"PK\x03\x04");
        file.extend(common);
        file.extend(name.as_bytes());
        file.extend(data);
    }
    let offset = file.len() as u32;
    let size = directory.len() as u32;
    file.extend(directory);
    file.extend(b"PK\x05\x06\0\0\0\0\x03\0\x03\0");
    file.extend(size.to_le_bytes());
    file.extend(offset.to_le_bytes());
    file.extend([0, 0]);
    file
}
