// Where the API is, relative to the page's origin: "" beside the page, or a path such as "/prod".
// The Content-Security-Policy allows the page's own origin only.
export const API_BASE = "";
