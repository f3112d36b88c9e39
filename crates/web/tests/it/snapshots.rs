//! The markup itself. A changed snapshot is read as code is read.

use crate::samples::Samples;

#[test]
fn every_page_is_as_it_was() {
    let styles = web::assets::styles_address();
    let icon = web::assets::icon_address();
    for (name, html) in Samples::default().render() {
        // The hash in the names changes with every style; that is not a change of the page.
        let html = html
            .replace(&styles, "/assets/app.css")
            .replace(&icon, "/assets/icon.svg");
        insta::assert_snapshot!(name, html);
    }
}
