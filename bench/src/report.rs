//! The table.

use std::io::Write as _;
use std::time::Duration;

use crate::load::Measured;
use crate::servers::Registry;

/// One workload at one number of connections, ours and theirs.
pub(crate) struct Row {
    name: &'static str,
    connections: usize,
    measured: [Vec<Measured>; 2],
}

impl Row {
    pub(crate) fn new(name: &'static str, connections: usize) -> Self {
        Self {
            name,
            connections,
            measured: [Vec::new(), Vec::new()],
        }
    }

    pub(crate) fn add(&mut self, place: usize, measured: Measured) {
        self.measured[place].push(measured);
    }

    pub(crate) fn print(&self) -> anyhow::Result<()> {
        let of = |place: usize, figure: fn(&Measured) -> f64| {
            median(self.measured[place].iter().map(figure).collect())
        };
        let rate = |place| of(place, |measured| measured.per_second);
        let p50 = |place| of(place, |measured| milliseconds(measured.median));
        let p99 = |place| of(place, |measured| milliseconds(measured.p99));
        let processor = |place| of(place, |measured| measured.processor * 1e6);
        let ratios = self.measured[0]
            .iter()
            .zip(&self.measured[1])
            .map(|(ours, theirs)| ours.per_second / theirs.per_second)
            .collect();
        writeln!(
            std::io::stdout(),
            "| {:24} | {:>4} | {:>9.1} | {:>9.1} | {:>6.2} | {:>8.2} / {:>8.2} | {:>8.2} / {:>8.2} | {:>8.0} / {:>8.0} |",
            self.name,
            self.connections,
            rate(0),
            rate(1),
            median(ratios),
            p50(0),
            p99(0),
            p50(1),
            p99(1),
            processor(0),
            processor(1),
        )?;
        Ok(())
    }
}

pub(crate) fn opening(registries: &[&Registry]) -> anyhow::Result<()> {
    let names: Vec<&str> = registries
        .iter()
        .map(|registry| registry.name.as_str())
        .collect();
    writeln!(
        std::io::stdout(),
        "{}, in turn on one disk",
        names.join(" beside ")
    )?;
    Ok(())
}

pub(crate) fn heading() -> anyhow::Result<()> {
    writeln!(
        std::io::stdout(),
        "\n| {:24} | {:>4} | {:>9} | {:>9} | {:>6} | {:>19} | {:>19} | {:>19} |\n|{:-<26}|{:->6}|{:->11}|{:->11}|{:->8}|{:->21}|{:->21}|{:->21}|",
        "workload",
        "conn",
        "ours /s",
        "theirs /s",
        "ratio",
        "ours p50/p99 ms",
        "theirs p50/p99 ms",
        "CPU µs ours/theirs",
        "",
        "",
        "",
        "",
        "",
        "",
        "",
        "",
    )?;
    Ok(())
}

pub(crate) fn closing(registries: &[&Registry]) -> anyhow::Result<()> {
    for registry in registries {
        let mut output = std::io::stdout();
        writeln!(
            output,
            "{}: {:.1} MiB resident at its peak, {:.1} s of processor time",
            registry.name,
            registry.peak_mib()?,
            registry.processor_seconds()?
        )?;
    }
    Ok(())
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
