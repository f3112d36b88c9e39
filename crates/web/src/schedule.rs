//! The schedule of grades as a line of time: where the image stands, and when it drops if nothing changes.

use askama::Template;
use evidence::{Grade, GradeReport};
use jiff::Timestamp;

use crate::{chips, format};

/// The width of the drawing; the last instant stands before the right end, so that its letter fits.
const WIDTH: f64 = 400.0;
const START: f64 = 0.0;
const END: f64 = 310.0;

#[derive(Template)]
#[template(path = "schedule.svg.html", whitespace = "minimize")]
struct Schedule {
    id: &'static str,
    message: String,
    width: f64,
    spans: Vec<Span>,
}

/// One span of equal grade: a bar with its letter and the first day.
struct Span {
    grade: Grade,
    x: f64,
    width: f64,
    label: String,
}

/// Draws the schedule as SVG with classes only; the empty text if there is no drop to come.
///
/// Positions are proportional to the square root of time: the next drop is often days away and the last one a year,
/// and the near future is what people act on.
pub(crate) fn svg(report: &GradeReport, now: Timestamp) -> Result<String, askama::Error> {
    let drops: Vec<(Grade, Timestamp)> = report
        .schedule
        .iter()
        .filter_map(|step| Some((step.grade, step.from?)))
        .collect();
    let Some((_, last)) = drops.last() else {
        return Ok(String::new());
    };
    let reach = seconds_until(*last, now).max(1.0).sqrt();
    let x_of = |at: Timestamp| START + (END - START) * seconds_until(at, now).sqrt() / reach;

    let mut spans = vec![Span {
        grade: report.grade,
        x: START,
        width: 0.0,
        label: "now".to_owned(),
    }];
    spans.extend(drops.iter().map(|(grade, at)| Span {
        grade: *grade,
        x: x_of(*at),
        width: 0.0,
        label: format::ago(at, &now),
    }));
    let ends: Vec<f64> = spans.iter().skip(1).map(|s| s.x).chain([WIDTH]).collect();
    for (span, end) in spans.iter_mut().zip(ends) {
        span.width = (end - span.x).max(2.0);
    }
    Schedule {
        id: "grade-schedule",
        message: in_words(report.grade, &drops),
        width: WIDTH,
        spans,
    }
    .render()
}

/// Says the schedule in a sentence.
pub(crate) fn in_words(grade: Grade, drops: &[(Grade, Timestamp)]) -> String {
    use std::fmt::Write as _;
    let mut text = format!("Grade {grade} now");
    for (next, at) in drops {
        write!(text, ", {next} from {}", format::day(at)).expect("a string takes all writes");
    }
    text + "."
}

fn seconds_until(at: Timestamp, now: Timestamp) -> f64 {
    (at.as_second() - now.as_second()).max(0) as f64
}

impl Span {
    fn class(&self) -> &'static str {
        chips::grade_class(&self.grade)
    }

    /// A bar too narrow for its label shows the letter only; the list beside the drawing has the date.
    fn has_room(&self) -> bool {
        self.width >= 74.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use evidence::GradeStep;

    const DAY: i64 = 86_400;

    fn at(days: i64) -> Timestamp {
        Timestamp::from_second(1_795_500_000 + days * DAY).unwrap()
    }

    fn draw(drops: &[(Grade, i64)]) -> String {
        let mut schedule = vec![GradeStep {
            grade: Grade::B,
            from: None,
        }];
        schedule.extend(drops.iter().map(|(grade, days)| GradeStep {
            grade: *grade,
            from: Some(at(*days)),
        }));
        let report = GradeReport {
            grade: Grade::B,
            reason: String::new(),
            basis: None,
            schedule,
        };
        svg(&report, at(0)).unwrap()
    }

    #[test]
    fn a_grade_that_never_drops_has_no_drawing() {
        assert_eq!(draw(&[]), "");
    }

    #[test]
    fn the_message_is_there_in_words() {
        let drawing = draw(&[(Grade::C, 5), (Grade::F, 320)]);
        assert!(drawing.contains(&format!(
            "Grade B now, C from {}, F from {}.",
            format::day(&at(5)),
            format::day(&at(320))
        )));
    }

    #[test]
    fn spans_follow_each_other_and_stay_inside() {
        let drawing = draw(&[
            (Grade::C, 5),
            (Grade::D, 5),
            (Grade::E, 45),
            (Grade::F, 320),
        ]);
        let number = |rect: &str, name: &str| -> f64 {
            let (_, rest) = rect.split_once(&format!(" {name}=\"")).unwrap();
            rest.split('"').next().unwrap().parse().unwrap()
        };
        let mut last = -1.0;
        for rect in drawing.split("<rect").skip(1) {
            let x = number(rect, "x");
            assert!(x >= last && x + number(rect, "width") <= WIDTH + 0.1);
            last = x;
        }
    }

    #[test]
    fn a_schedule_in_the_past_is_drawn_without_fault() {
        assert!(draw(&[(Grade::C, -5)]).contains("<rect"));
    }
}
