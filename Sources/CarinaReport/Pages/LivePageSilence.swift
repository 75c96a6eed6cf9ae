/// What a page of a running run holds so that a browser tells when it is no longer written.
enum LivePageSilence {
  /// Seconds without a new page after which one is missed: the page is written after a step, between two of which there
  /// may be a validation or a save.
  static func patience(step seconds: Double) -> Int { Int(max(120, min(10 * seconds, 1e6)).rounded(.up)) }

  /// A script that takes the page's age each second, by the clock of the machine that shows it, and says since when there
  /// are no news.
  /// - Parameters:
  ///   - written: seconds since 1970.
  ///   - seconds: the age at which it is missed.
  static func html(written: Int, seconds: Int) -> String {
    """
    <p class="banner bad" id="silence" data-written="\(1000 * written)" \
    data-patience="\(seconds)" hidden></p>
    <script>
    (function () {
      const silence = document.getElementById("silence"), written = Number(silence.dataset.written);
      function look() {
        const age = (Date.now() - written) / 1000;
        silence.hidden = age < Number(silence.dataset.patience);
        if (silence.hidden) return;
        const minutes = Math.floor(age / 60);
        const text = minutes < 120 ? minutes + " minutes" : Math.floor(minutes / 60) + " hours";
        silence.previousElementSibling.hidden = true;
        silence.textContent = "No news since " + new Date(written).toISOString().slice(0, 19).replace("T", " ") +
          " UTC, for " + text + ": the run may have died. The same command goes on from its newest checkpoint.";
      }
      look();
      setInterval(look, 1000);
    })();
    </script>

    """
  }
}
