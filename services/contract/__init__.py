"""The API as it is promised: every route, what it takes and answers. No handler imports it; tests hold them to it."""
