"""Distribution lists without their doors: rules, headers, signed addresses, and the store of posts."""
