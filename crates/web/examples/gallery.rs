//! Writes every sample page with its styles into a directory, to be looked at: `cargo run --example gallery DIR`.
//! A second argument, `light` or `dark`, fixes the theme; a third, `hostile`, fills every text with trouble.

use std::path::Path;

use samples::Samples;

mod samples;

fn main() -> std::io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let directory = arguments.next().unwrap_or_else(|| "gallery".to_owned());
    let samples = Samples {
        theme: web::Theme::from_cookie(&arguments.next().unwrap_or_default()),
        hostile: arguments
            .next()
            .map(|_| format!("<script>alert(1)</script>\"'\u{202e}{}", "w".repeat(200))),
    };
    let directory = Path::new(&directory);
    std::fs::create_dir_all(directory.join("assets"))?;
    for address in [web::assets::styles_address(), web::assets::icon_address()] {
        let name = address.trim_start_matches("/assets/");
        let asset = web::assets::asset(name).expect("the address names an asset");
        write(&directory.join("assets").join(name), asset.bytes)?;
    }
    for (name, html) in samples.render() {
        // Files have no site root, so the styles are named relatively.
        let html = html.replace("=\"/assets/", "=\"assets/");
        write(
            &directory.join(name).with_extension("html"),
            html.as_bytes(),
        )?;
    }
    Ok(())
}

#[expect(
    clippy::disallowed_methods,
    reason = "a gallery may be torn; it is written again"
)]
fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    std::fs::write(path, bytes)
}
