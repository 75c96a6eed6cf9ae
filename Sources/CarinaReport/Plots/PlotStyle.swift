/// What all drawings share: colours that can be told apart on white and on black, and by most colour-blind readers.
enum PlotStyle {
  private static let colors = ["#3a86c8", "#e08a2e", "#3f9f78", "#b25fa3", "#8a8f98", "#c8524a"]

  static func color(_ index: Int) -> String { colors[index % colors.count] }

  /// Axes without a box, a faint grid, the key on top.
  static let setup = """
    set border 3 lw 0.8
    set tics nomirror scale 0.5
    set grid ytics lc rgb '#60888888' lt 1 lw 0.6
    set key above left horizontal samplen 1.6 spacing 1.1
    set pointintervalbox 0
    set lmargin 9
    set rmargin 2

    """
}
