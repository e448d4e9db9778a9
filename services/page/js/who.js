// Who is signed in, and what that person may do. The API refuses the rest; the page does not even offer it.

import * as api from "./api.js";
import { el } from "./dom.js";

/** Marks the page with the roles (css hides what needs another), and names the person. Unknown roles hide nothing. */
export async function showWho() {
  const place = document.getElementById("who");
  try {
    const { user, roles } = await api.me();
    document.documentElement.dataset.may = roles.join(" ");
    if (user !== "everyone") place.replaceChildren(el("span", { title: roles.join(", ") || "no role" }, user));
  } catch (error) {
    if (error.status === 403) document.documentElement.dataset.may = "";
  }
}
