"use strict";

// Somebody who is away is signed out by the server. Here they are warned in time, and the page is emptied at the end.
(() => {
    const { idle, alive, signedOut } = document.body.dataset;
    if (!idle) {
        return;
    }
    const key = "parlae-seen";
    const limit = Number(idle) * 1000;
    const warning = Math.min(60000, limit / 3);
    const dialog = document.getElementById("idle");
    const left = dialog.querySelector("[data-left]");
    const seen = () => Number(localStorage.getItem(key)) || Date.now();
    const note = () => localStorage.setItem(key, String(Date.now()));

    const stay = () => {
        const form = dialog.querySelector("form");
        fetch(alive, { method: "POST", body: new FormData(form), redirect: "manual" }).then((answer) => {
            if (answer.ok) {
                note();
                dialog.close();
            } else {
                leave();
            }
        });
    };

    const leave = () => {
        document.body.replaceChildren();
        location.replace(`${signedOut}?next=${encodeURIComponent(location.pathname)}`);
    };

    const look = () => {
        const rest = seen() + limit - Date.now();
        if (rest <= 0) {
            leave();
        } else if (rest <= warning) {
            left.textContent = `in ${Math.ceil(rest / 1000)} seconds`;
            if (!dialog.open) {
                dialog.showModal();
            }
        } else if (dialog.open) {
            dialog.close();
        }
    };

    note();
    dialog.addEventListener("submit", (event) => {
        event.preventDefault();
        stay();
    });
    dialog.addEventListener("cancel", stay);
    // What a person sends counts as being there; what the page fetches by itself does not.
    document.addEventListener("htmx:afterRequest", (event) => {
        if (!event.detail.elt.closest("[data-polled]")) {
            note();
        }
    });
    setInterval(look, 1000);
    addEventListener("pageshow", (event) => {
        if (event.persisted) {
            location.reload();
        }
    });
})();

// Buttons that copy a text, or show a password, exist only where there is a script.
(() => {
    const button = (label, act) => {
        const made = document.createElement("button");
        made.type = "button";
        made.className = "button button-small";
        made.textContent = label;
        made.addEventListener("click", () => act(made));
        return made;
    };

    const prepare = (root) => {
        for (const element of root.querySelectorAll("[data-copy]:not([data-ready])")) {
            element.dataset.ready = "1";
            const source = document.getElementById(element.dataset.copy);
            element.append(
                button("Copy", async (made) => {
                    await navigator.clipboard.writeText(source.value ?? source.textContent);
                    made.textContent = "Copied";
                    setTimeout(() => (made.textContent = "Copy"), 2000);
                }),
            );
        }
        for (const input of root.querySelectorAll("input[type=password]:not([data-ready])")) {
            input.dataset.ready = "1";
            const row = document.createElement("div");
            row.className = "with-button";
            input.replaceWith(row);
            const show = button("Show", () => {
                input.type = input.type === "password" ? "text" : "password";
                show.textContent = input.type === "password" ? "Show" : "Hide";
                show.setAttribute("aria-label", `${show.textContent} what you type`);
            });
            show.setAttribute("aria-label", "Show what you type");
            row.append(input, show);
        }
    };

    prepare(document);
    document.addEventListener("htmx:load", (event) => prepare(event.target));

    // A practice's time zone is most likely that of the person who sets it up.
    const zone = document.querySelector("select[data-zone]");
    const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
    if (zone && !zone.value && [...zone.options].some((option) => option.value === own)) {
        zone.value = own;
    }

    // What would be lost is asked about.
    document.addEventListener("submit", (event) => {
        const question = event.submitter?.dataset.sure;
        if (question && !confirm(question)) {
            event.preventDefault();
        }
    });
})();
