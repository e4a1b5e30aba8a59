"""What the API says about itself: the OpenAPI document, the page that shows it, and a page for every problem code."""
