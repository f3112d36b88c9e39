//! What an analysis and a merge cost, on a synthetic layer the size of a Debian image with Python and Node.

use criterion::{Criterion, criterion_group, criterion_main};

fn main_group(c: &mut Criterion) {
    let _ = c;
}

criterion_group!(benches, main_group);
criterion_main!(benches);
