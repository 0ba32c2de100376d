//! The picture of predicted against measured times, as a parser of XML and a reader see it.

use cofit_report::scatter::{Point, svg};
use cofit_vocab::Seconds;
use roxmltree::{Document, Node};

fn point(label: &str, series: &str, measured: f64, predicted: f64) -> Point {
    Point {
        label: label.to_owned(),
        series: series.to_owned(),
        measured: Seconds(measured),
        predicted: Seconds(predicted),
        low: Seconds(predicted * 0.8),
        high: Seconds(predicted * 1.3),
    }
}

/// Points over six decades in `series` series; no clock and no chance.
fn points(count: u32, series: u32) -> Vec<Point> {
    (0..count)
        .map(|index| {
            let measured = 10_f64.powf(f64::from(index % 97) / 97.0 * 6.0 - 5.0);
            let predicted = measured * (0.7 + f64::from(index % 7) * 0.1);
            point(
                &format!("net{index}"),
                &format!("series{:03}", index % series),
                measured,
                predicted,
            )
        })
        .collect()
}

fn has_class(node: &Node<'_, '_>, class: &str) -> bool {
    node.attribute("class").is_some_and(|found| found.split(' ').any(|one| one == class))
}

/// The tooltips of the points.
fn tooltips(document: &Document<'_>) -> Vec<String> {
    let groups = document.descendants().filter(|node| node.has_tag_name("g"));
    let titles = groups.filter_map(|group| group.children().find(|child| child.is_element()));
    titles
        .filter(|child| child.tag_name().name() == "title")
        .filter_map(|title| title.text().map(str::to_owned))
        .collect()
}

fn number(node: &Node<'_, '_>, name: &str) -> f64 {
    node.attribute(name).expect("the attribute").parse().expect("a number")
}

#[test]
fn any_number_of_points_is_well_formed_and_the_same_again() {
    for (count, series) in [(0, 1), (1, 1), (1000, 58)] {
        let points = points(count, series);
        let picture = svg("Predicted against measured", &points);
        assert_eq!(picture, svg("Predicted against measured", &points));
        let document = Document::parse(&picture).expect("well-formed");
        let root = document.root_element();
        assert_eq!(root.tag_name().name(), "svg");
        assert_eq!(root.attribute("role"), Some("img"));
        assert_eq!(tooltips(&document).len(), count as usize);
        let legend = document.descendants().filter(|node| has_class(node, "series")).count();
        assert_eq!(legend, count.min(series) as usize);
        assert!(picture.contains("prefers-color-scheme:dark"));
        assert!(!picture.contains("NaN") && !picture.contains("inf\""), "{count}");
    }
}

#[test]
fn title_and_description_come_first_and_say_what_is_shown() {
    let picture = svg("Errors", &[point("a", "x", 1.0, 1.1), point("b", "x", 1.0, 2.0)]);
    let document = Document::parse(&picture).expect("well-formed");
    let words: Vec<_> =
        document.root_element().children().filter(Node::is_element).take(2).collect();
    assert_eq!((words[0].tag_name().name(), words[0].text()), ("title", Some("Errors")));
    assert_eq!(words[1].tag_name().name(), "desc");
    let about = words[1].text().expect("a text");
    assert!(about.contains("2 points in 1 series") && about.contains("1 of them"), "{about}");
}

#[test]
fn a_perfect_prediction_lies_on_the_diagonal_and_others_beside_it() {
    let list =
        [point("a", "x", 2e-3, 2e-3), point("b", "x", 5e-1, 5e-1), point("c", "x", 1e-2, 2e-2)];
    let picture = svg("", &list);
    let document = Document::parse(&picture).expect("well-formed");
    let plot = document.descendants().filter(|node| node.has_tag_name("svg")).nth(1).expect("it");
    let edge = number(&plot, "height");
    let places: Vec<(f64, f64)> = plot
        .descendants()
        .filter(|node| node.has_tag_name("circle"))
        .map(|mark| (number(&mark, "cx"), edge - number(&mark, "cy")))
        .collect();
    // The picture's digits: a tenth of a unit on each axis.
    assert!((places[0].0 - places[0].1).abs() < 0.11 && (places[1].0 - places[1].1).abs() < 0.11);
    // Three decades, so that a factor of two is 0.301 of a third.
    let above = places[2].1 - places[2].0;
    assert!((above - edge / 3.0 * 2_f64.log10()).abs() < 0.11, "{above}");
    // More measured time lies further to the right.
    assert!(places[0].0 < places[2].0 && places[2].0 < places[1].0);
}

#[test]
fn labels_are_text_whatever_they_hold() {
    let hostile = "</title><script>alert(1)</script>&amp;\"'\0\u{8}\u{ffff}\u{202e}]]>\n";
    let long = "x".repeat(10_000);
    let list = [point(hostile, hostile, 1.0, 1.0), point(&long, &long, 1.0, 1.0)];
    let picture = svg(hostile, &list);
    let document = Document::parse(&picture).expect("well-formed");
    assert!(!document.descendants().any(|node| node.has_tag_name("script")));
    let tooltips = tooltips(&document);
    assert!(tooltips[0].starts_with("</title><script>alert(1)</script>&amp;\"'"), "{tooltips:?}");
    assert!(picture.len() < 12_000, "{}", picture.len());
}

#[test]
fn times_that_are_none_are_told_and_not_drawn() {
    let mut list = vec![point("good", "x", 1e-3, 1e-3)];
    for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        list.push(point("bad", "bad", bad, 1.0));
        list.push(point("bad", "bad", 1.0, bad));
    }
    let mut open = point("open", "x", 1e-3, 1e-3);
    (open.low, open.high) = (Seconds(f64::NAN), Seconds(f64::INFINITY));
    let mut wide = point("wide", "x", 1e-3, 1e-3);
    (wide.low, wide.high) = (Seconds(0.0), Seconds(1e300));
    list.extend([open, wide, point("huge", "x", 1e300, 1e-300)]);
    let picture = svg("", &list);
    let document = Document::parse(&picture).expect("well-formed");
    assert_eq!(tooltips(&document).len(), 4);
    assert!(picture.contains("8 without a positive time are not shown"));
    let whiskers = document.descendants().filter(|node| has_class(node, "whisker")).count();
    assert_eq!(whiskers, 3, "an interval without ends has none");
    for name in ["cx", "cy"] {
        for mark in document.descendants().filter(|node| node.has_tag_name("circle")) {
            assert!(number(&mark, name).abs() < 1000.0);
        }
    }
}
