//! What is inside an image: packages, distribution and image facts.
