//! The budget: a usual page with its styles at most 10 KB compressed, a hundred rows at most 30 KB.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use web::{TagRow, TagsPage};

use crate::samples::{Samples, counted, counts};

fn compressed(parts: &[&[u8]]) -> usize {
    parts
        .iter()
        .map(|part| {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(part).unwrap();
            encoder.finish().unwrap().len()
        })
        .sum()
}

fn styles() -> &'static [u8] {
    let address = web::assets::styles_address();
    let name = address.strip_prefix("/assets/").unwrap();
    web::assets::asset(name).unwrap().bytes
}

#[test]
fn a_usual_page_with_its_styles_is_at_most_10_kb() {
    for (name, html) in Samples::default().render() {
        let bytes = compressed(&[html.as_bytes(), styles()]);
        assert!(bytes <= 10_000, "{name}: {bytes} bytes");
    }
}

#[test]
fn a_hundred_rows_with_the_styles_are_at_most_30_kb() {
    let samples = Samples::default();
    let rows: Vec<TagRow> = (0..100_u32)
        .map(|i| {
            let tally = counted(counts(i % 3, i % 7, i, 2 * i));
            samples.tag(
                &format!("2.{i}.{}", i * 7),
                &i.to_string(),
                Some(evidence::Grade::D),
                gate::Decision::Deny,
                tally,
                i64::from(i) * 90_000,
            )
        })
        .collect();
    let page = TagsPage {
        rows,
        ..samples.tags()
    };
    let html = web::render_tags(&page).unwrap();
    let bytes = compressed(&[html.as_bytes(), styles()]);
    assert!(bytes <= 30_000, "{bytes} bytes of {}", html.len());
}
