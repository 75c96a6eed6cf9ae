/// The page's looks, light or dark as the reader's system is.
enum ReportStyle {
  static let css = """
    :root { --paper: #fbfbf9; --card: #ffffff; --ink: #1d2429; --faint: #66727c; --line: #dfe3e6; --accent: #2f77b4;
      --good: #1f7a4d; --good-wash: #e6f4ec; --bad: #b3382c; --bad-wash: #fbeae8; --floor: #c27a1a; }
    @media (prefers-color-scheme: dark) {
      :root { --paper: #14181b; --card: #1c2226; --ink: #e4e9ec; --faint: #95a2ac; --line: #323b42; --accent: #62a8e0;
        --good: #6cc798; --good-wash: #17332a; --bad: #f0877c; --bad-wash: #3d2120; --floor: #e3a548; } }
    * { box-sizing: border-box; }
    body { margin: 0; background: var(--paper); color: var(--ink);
      font: 15px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
    main { max-width: 1040px; margin: 0 auto; padding: 40px 24px 24px; }
    h1 { font-size: 30px; line-height: 1.2; margin: 0 0 6px; letter-spacing: -0.01em; }
    h2 { font-size: 19px; margin: 0 0 14px; }
    h3 { font-size: 15px; margin: 18px 0 6px; }
    section { margin-top: 40px; padding-top: 22px; border-top: 1px solid var(--line); }
    p { margin: 0 0 12px; }
    .summary { font-size: 17px; color: var(--faint); max-width: 70ch; }
    .note, figcaption { font-size: 13px; color: var(--faint); margin: 0; }
    dl.facts { display: grid; grid-template-columns: repeat(auto-fill, minmax(210px, 1fr)); gap: 10px 24px; margin: 18px 0 0; }
    dl.facts dt { font-size: 12px; color: var(--faint); }
    dl.facts dd { margin: 0; overflow-wrap: anywhere; }
    .banner { padding: 10px 14px; border-radius: 8px; font-weight: 600; }
    .banner.good { background: var(--good-wash); color: var(--good); }
    .banner.bad { background: var(--bad-wash); color: var(--bad); }
    .tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(210px, 1fr)); gap: 14px; margin-top: 30px; }
    .tile, figure, .card { background: var(--card); border: 1px solid var(--line); border-radius: 10px; }
    .tile { padding: 14px 16px; }
    .tile h3 { margin: 0; } .tile h3 span { font-weight: 400; color: var(--faint); }
    .tile .value { font-size: 34px; font-weight: 650; line-height: 1.25; margin: 2px 0 8px; font-variant-numeric: tabular-nums; }
    .gauge { position: relative; height: 8px; border-radius: 4px; background: var(--line); margin-bottom: 10px; }
    .gauge i { position: absolute; display: block; }
    .gauge .fill { inset: 0 auto 0 0; border-radius: 4px; background: var(--accent); }
    .gauge .interval { top: 3px; height: 2px; background: var(--ink); }
    .gauge .floor { top: -3px; bottom: -3px; width: 3px; margin-left: -1px; border-radius: 1px; background: var(--floor);
      box-shadow: 0 0 0 1px var(--card); }
    .figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(400px, 1fr)); gap: 14px; }
    figure { margin: 0; padding: 12px 14px; } figure svg { display: block; width: 100%; height: auto; }
    .scroll { overflow-x: auto; }
    table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
    th, td { text-align: left; padding: 5px 14px 5px 0; border-bottom: 1px solid var(--line); vertical-align: top; }
    th { font-weight: 500; } thead th { font-size: 12px; color: var(--faint); }
    .number { text-align: right; white-space: nowrap; }
    tr.bad th, tr.bad td { color: var(--bad); }
    details { margin-top: 12px; } summary { cursor: pointer; color: var(--accent); } details[open] summary { margin-bottom: 8px; }
    .gallery { display: grid; grid-template-columns: repeat(auto-fill, minmax(230px, 1fr)); gap: 16px; }
    .card { overflow: hidden; display: flex; flex-direction: column; }
    .card img { width: 100%; aspect-ratio: 1; object-fit: contain; background: #000; display: block; }
    .card .entry { padding: 10px 14px; border-top: 1px solid var(--line); }
    .card .question { font-weight: 600; margin-bottom: 4px; }
    .card dl { display: grid; grid-template-columns: auto 1fr; gap: 0 10px; margin: 0 0 4px; font-size: 14px; }
    .card dt { color: var(--faint); } .card dd { margin: 0; overflow-wrap: anywhere; }
    .card .foot { margin: 0; display: flex; justify-content: space-between; gap: 8px; align-items: baseline; }
    .card code { font-size: 11px; color: var(--faint); overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
    .mark { font-size: 13px; font-weight: 600; color: var(--faint); white-space: nowrap; }
    .mark.good { color: var(--good); } .mark.bad { color: var(--bad); }
    pre { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 10px 14px; overflow-x: auto;
      margin: 0; font: 13px/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; white-space: pre-wrap; }
    footer { max-width: 1040px; margin: 24px auto 40px; padding: 0 24px; font-size: 13px; color: var(--faint); }
    """
}
