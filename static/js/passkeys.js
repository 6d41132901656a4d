"use strict";

// What allauth's script cannot do with a passkey is said in words, beside the button that was pressed.
(() => {
    const said = {
        NotAllowedError: "That did not work, or took too long. Try again, or use another way.",
        InvalidStateError: "This device has a passkey here already.",
        SecurityError: "Passkeys work only at the address that this page was made for, over https.",
    };

    document.addEventListener("allauth.error", (event) => {
        event.preventDefault();
        const button = document.querySelector("[data-passkey]");
        let note = document.getElementById("passkey-note");
        if (!note) {
            note = document.createElement("p");
            note.id = "passkey-note";
            note.className = "errorlist";
            note.setAttribute("role", "alert");
            button.after(note);
        }
        note.textContent = said[event.detail.exception.name] ?? "This browser cannot use passkeys here. Use another way.";
    });
})();
