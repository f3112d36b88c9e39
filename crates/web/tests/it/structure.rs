//! What every page must have, whatever it shows.

use std::collections::BTreeSet;

use crate::html::{Element, Token, elements, read};
use crate::samples::Samples;

#[track_caller]
fn every_page(check: impl Fn(&str, &[Token])) {
    let pages = Samples::default().render();
    assert!(pages.len() > 20, "the samples cover every page and state");
    for (name, html) in pages {
        check(name, &read(&html));
    }
}

fn count(tokens: &[Token], name: &str) -> usize {
    elements(tokens).iter().filter(|e| e.name == name).count()
}

#[test]
fn one_first_heading_and_no_level_skipped() {
    every_page(|page, tokens| {
        let levels: Vec<u32> = elements(tokens)
            .iter()
            .filter_map(|e| e.name.strip_prefix('h')?.parse().ok())
            .collect();
        assert_eq!(levels.first(), Some(&1), "{page}");
        assert_eq!(levels.iter().filter(|l| **l == 1).count(), 1, "{page}");
        for pair in levels.windows(2) {
            assert!(pair[1] <= pair[0] + 1, "{page}: {levels:?}");
        }
    });
}

#[test]
fn landmarks_title_language_and_skip_link_are_there() {
    every_page(|page, tokens| {
        for name in ["header", "main", "footer", "title"] {
            // An SVG has a title of its own.
            assert!(count(tokens, name) >= 1, "{page}: {name}");
        }
        assert_eq!(count(tokens, "main"), 1, "{page}");
        let all = elements(tokens);
        assert_eq!(all[0].attribute("lang"), Some("en"), "{page}");
        let first_link = all.iter().find(|e| e.name == "a").unwrap();
        assert_eq!(first_link.attribute("href"), Some("#main"), "{page}");
        let navs = all.iter().filter(|e| e.name == "nav");
        let labels: Vec<_> = navs.map(|e| e.attribute("aria-label")).collect();
        let unique: BTreeSet<_> = labels.iter().collect();
        assert!(labels.iter().all(Option::is_some), "{page}");
        assert_eq!(unique.len(), labels.len(), "{page}: {labels:?}");
    });
}

#[test]
fn tables_have_captions_and_scoped_headings() {
    every_page(|page, tokens| {
        assert_eq!(count(tokens, "table"), count(tokens, "caption"), "{page}");
        for heading in elements(tokens).iter().filter(|e| e.name == "th") {
            assert!(heading.attribute("scope").is_some(), "{page}: {heading:?}");
        }
    });
}

#[test]
fn cells_of_stacked_rows_carry_their_label() {
    every_page(|page, tokens| {
        let mut in_stack = false;
        for token in tokens {
            match token {
                Token::Open(e) if e.name == "table" => {
                    in_stack = e.attribute("class").is_some_and(|c| c.contains("stack"));
                }
                Token::Open(e) if e.name == "td" && in_stack => {
                    assert!(e.attribute("data-l").is_some(), "{page}: {e:?}");
                }
                _ => {}
            }
        }
    });
}

#[test]
fn sorted_columns_say_so() {
    let pages = Samples::default().render();
    let (_, tags) = pages.iter().find(|(name, _)| *name == "tags").unwrap();
    let tokens = read(tags);
    let sorted: Vec<_> = elements(&tokens)
        .into_iter()
        .filter_map(|e| e.attribute("aria-sort"))
        .collect();
    assert_eq!(sorted, ["descending"]);
}

#[test]
fn fields_have_labels_and_ids_are_unique() {
    every_page(|page, tokens| {
        let all = elements(tokens);
        let ids: Vec<&str> = all.iter().filter_map(|e| e.attribute("id")).collect();
        let unique: BTreeSet<&str> = ids.iter().copied().collect();
        assert_eq!(ids.len(), unique.len(), "{page}: {ids:?}");
        let labelled: BTreeSet<&str> = all.iter().filter_map(|e| e.attribute("for")).collect();
        for field in all.iter().filter(|e| is_field(e)) {
            let id = field.attribute("id").expect("a field has an id");
            assert!(labelled.contains(id), "{page}: {id}");
        }
        for reference in ["aria-labelledby", "aria-describedby"] {
            for value in all.iter().filter_map(|e| e.attribute(reference)) {
                for id in value.split(' ') {
                    assert!(unique.contains(id), "{page}: {reference} {id}");
                }
            }
        }
    });
}

fn is_field(element: &Element) -> bool {
    match element.name.as_str() {
        "select" => true,
        "input" => element.attribute("type") != Some("hidden"),
        _ => false,
    }
}

#[test]
fn forms_that_change_something_carry_a_token() {
    every_page(|page, tokens| {
        let mut post = None;
        for token in tokens {
            match token {
                Token::Open(e) if e.name == "form" => {
                    post = (e.attribute("method") == Some("post")).then_some(false);
                }
                Token::Open(e) if e.attribute("name") == Some("csrf") => post = Some(true),
                Token::Close(name) if name == "form" => {
                    assert_ne!(post, Some(false), "{page}: a form without token");
                }
                _ => {}
            }
        }
    });
}

#[test]
fn nothing_needs_script_or_inline_style_or_another_host() {
    every_page(|page, tokens| {
        for element in elements(tokens) {
            assert!(
                !["script", "style", "iframe", "object", "base"].contains(&element.name.as_str()),
                "{page}: {}",
                element.name
            );
            for (name, value) in &element.attributes {
                assert!(name != "style" && !name.starts_with("on"), "{page}: {name}");
                if ["href", "src", "action"].contains(&name.as_str()) {
                    let local = value.starts_with('#')
                        || (value.starts_with('/') && !value.starts_with("//"));
                    assert!(local, "{page}: {name}={value}");
                }
            }
        }
    });
}

#[test]
fn links_lead_to_addresses_that_exist() {
    every_page(|page, tokens| {
        for element in elements(tokens) {
            let target = element.attribute("href").or(element.attribute("action"));
            let Some(address) = target.filter(|a| !a.starts_with('#')) else {
                continue;
            };
            let path = address.split(['?', '#']).next().unwrap();
            // Evidence is an answer of the API, not a page.
            let known = web::routes::Route::parse(path).is_some() || path.starts_with("/api/");
            assert!(known, "{page}: {address}");
        }
    });
}

#[test]
fn only_work_under_way_reloads_itself() {
    for (page, html) in Samples::default().render() {
        let under_way = ["image-queued", "image-scanning"].contains(&page);
        assert_eq!(html.contains("http-equiv=\"refresh\""), under_way, "{page}");
    }
}

#[test]
fn the_theme_is_on_the_root_element() {
    for (theme, word) in [
        (web::Theme::System, "system"),
        (web::Theme::Light, "light"),
        (web::Theme::Dark, "dark"),
    ] {
        let samples = Samples {
            theme,
            hostile: None,
        };
        for (page, html) in samples.render() {
            let tokens = read(&html);
            let root = elements(&tokens)[0];
            assert_eq!(root.attribute("data-theme"), Some(word), "{page}");
        }
    }
}

#[test]
fn equal_digests_are_one_group() {
    let pages = Samples::default().render();
    let (_, tags) = pages.iter().find(|(name, _)| *name == "tags").unwrap();
    assert_eq!(tags.matches("<tbody class=\"same\">").count(), 1);
    assert_eq!(tags.matches("= latest</span>").count(), 2);
}

#[test]
fn what_is_not_known_is_never_shown_as_zero() {
    let page = |name: &str| {
        let pages = Samples::default().render();
        pages.into_iter().find(|(n, _)| *n == name).unwrap().1
    };
    assert!(page("tags").contains("– not scanned"));
    assert!(page("tags").contains("? not supported"));
    assert!(page("image-partial").contains("? Partly analysed"));
    assert!(page("image-clean").contains("✓ 0 vulnerabilities"));
    assert!(!page("image-not-scanned").contains("0 vulnerabilities"));
}
