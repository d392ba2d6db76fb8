/// How a page looks.
enum StyleSheet {
  /// The rules, for light and dark, for any width, and for paper.
  ///
  /// Text has a contrast of at least 4.5 to its ground in each scheme, and what is drawn one of at least 3; separators
  /// and grid lines (`--line`, `--grid`), which tell nothing by themselves, may have less.
  ///
  /// - SeeAlso: Web Content Accessibility Guidelines 2.2, criteria 1.4.3 and 1.4.11.
  static let text = """
    :root{color-scheme:light dark;
    --ground:#f6f6f3;--card:#fff;--ink:#1b1d20;--soft:#5b626a;--line:#e2e2dd;--grid:#ecece8;--accent:#0b6e5a;
    --c0:#1f6fb5;--c1:#b4500a;--c2:#0b7a66;--c3:#7446c9;--c4:#a8326d;--c5:#4f7312;--good:#0b6e4f;--bad:#b3261e;--faint:.75}
    @media (prefers-color-scheme:dark){:root{
    --ground:#131517;--card:#1b1e21;--ink:#e9e9e6;--soft:#a4abb2;--line:#30353a;--grid:#282c30;--accent:#5cc9b0;
    --c0:#74b3f2;--c1:#f2a25c;--c2:#52c8b0;--c3:#b79df8;--c4:#f28fba;--c5:#a9cc62;--good:#62cfa4;--bad:#f2938c;--faint:.55}}
    *,*::before,*::after{box-sizing:border-box}
    html{-webkit-text-size-adjust:100%}
    body{margin:0;background:var(--ground);color:var(--ink);
    font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans","Liberation Sans",sans-serif;
    font-variant-numeric:tabular-nums;overflow-wrap:break-word}
    main{max-width:1120px;margin:0 auto;padding:clamp(1.25rem,4vw,3rem) clamp(1rem,4vw,2.5rem) 3rem}
    header{margin-bottom:1.75rem}
    .eyebrow{margin:0;color:var(--accent);font-size:.8125rem;font-weight:600;letter-spacing:.02em}
    h1{margin:.15rem 0 .35rem;font-size:clamp(1.6rem,1.2rem + 1.8vw,2.35rem);line-height:1.15;
    letter-spacing:-.02em;font-weight:650;overflow-wrap:anywhere}
    h2{margin:2.75rem 0 .9rem;font-size:1.2rem;line-height:1.3;letter-spacing:-.01em;font-weight:620}
    h2+p{margin:-.6rem 0 1rem}
    a{color:var(--accent)}
    h3{margin:0;font-size:.9375rem;line-height:1.4;font-weight:600}
    .lead,.aside,figcaption p{color:var(--soft)}
    .lead{margin:0;overflow-wrap:anywhere}
    .aside{font-size:.875rem;margin:.75rem 0 0}
    .chip{display:inline-block;margin-right:.6rem;padding:.05rem .6rem;border:1px solid currentColor;
    border-radius:1rem;font-size:.8125rem;font-weight:600;color:var(--accent);white-space:nowrap}
    .chip.stopped{color:var(--c1)}
    .chip.open{color:var(--c0)}
    .note{margin:1rem 0 0;padding:.6rem .9rem;border-left:3px solid var(--c1);background:var(--card);
    font-size:.9rem;overflow-wrap:anywhere}
    .tiles{display:grid;grid-template-columns:repeat(6,1fr);gap:1px;margin:0;overflow:hidden;
    background:var(--line);border:1px solid var(--line);border-radius:12px}
    .tiles div{padding:.95rem 1.05rem 1rem;background:var(--card);min-width:0}
    dt{color:var(--soft)}
    .tiles dt{font-size:.8125rem;line-height:1.4}
    dd{margin:0}
    .tiles dd{margin-top:.15rem;font-size:clamp(1.2rem,1rem + .6vw,1.45rem);line-height:1.25;font-weight:600;
    letter-spacing:-.015em}
    .tiles small{display:block;color:var(--soft);font-size:.78rem;line-height:1.4;font-weight:400;letter-spacing:0}
    .grid{display:grid;grid-template-columns:repeat(2,minmax(0,1fr));gap:1rem}
    .wide,.grid>.plot:last-child:nth-child(odd){grid-column:1/-1}
    .plot,.card{margin:0;padding:1.05rem 1.2rem 1.1rem;background:var(--card);border:1px solid var(--line);
    border-radius:12px;min-width:0}
    .grid+.grid,section>.card+.card{margin-top:1rem}
    figcaption{display:flex;flex-wrap:wrap;align-items:baseline;gap:.1rem .7rem;margin-bottom:.9rem}
    figcaption p{margin:0;font-size:.8125rem}
    .legend{display:flex;flex-wrap:wrap;gap:.1rem 1.1rem;list-style:none;margin:0 0 0 auto;padding:0;
    align-self:center;font-size:.8125rem}
    .legend li{display:flex;align-items:center;gap:.45rem;min-width:0;overflow-wrap:anywhere}
    .legend i,td i,th i,.answers i{flex:none;display:inline-block;width:1.35rem;height:0;border-top:2.5px solid var(--tint);
    position:relative}
    .legend .faint{opacity:var(--faint);border-top-width:1.5px}
    .legend .again,td .again,th .again{border-top-style:dashed}
    .legend .dotted::after{content:"";position:absolute;left:.42rem;top:-5px;width:8px;height:8px;
    border-radius:50%;background:var(--tint)}
    .t0{--tint:var(--c0)}.t1{--tint:var(--c1)}.t2{--tint:var(--c2)}.t3{--tint:var(--c3)}
    .t4{--tint:var(--c4)}.t5{--tint:var(--c5)}
    .frame{display:grid;grid-template-columns:3.4rem minmax(0,1fr);grid-template-rows:11.5rem auto;
    padding-right:.9rem;container-type:inline-size}
    .wide .frame{grid-template-rows:20rem auto}
    .low .frame{grid-template-rows:11.5rem auto}
    .frame svg{display:block;width:100%;height:100%;overflow:visible}
    .frame .y,.frame .x{position:relative;color:var(--soft);font-size:.75rem;line-height:1}
    .frame .y span{position:absolute;right:.65rem;transform:translateY(-50%);white-space:nowrap}
    .frame .x{grid-column:2;height:2.5rem}
    .frame .x span{position:absolute;top:.6rem;transform:translateX(-50%);white-space:nowrap}
    .frame .x b{position:absolute;right:0;top:1.6rem;font-weight:400}
    .frame path{fill:none;vector-effect:non-scaling-stroke;stroke-linejoin:round;stroke-linecap:round}
    .frame .rule,.frame .zero{stroke:var(--grid);stroke-width:1;stroke-linecap:butt}
    .frame .zero{stroke:var(--soft);stroke-opacity:var(--faint)}
    .frame .line{stroke:var(--tint);stroke-width:1.6}
    .wide .frame .line{stroke-width:2.1}
    .frame .again{stroke-dasharray:6 5}
    .frame .faint{stroke:var(--tint);stroke-width:.8;stroke-opacity:var(--faint)}
    .frame .band{fill:var(--tint);fill-opacity:.17;stroke:var(--tint);stroke-width:.7;stroke-opacity:var(--faint)}
    .frame .dot{stroke:var(--tint);stroke-width:8;stroke-dasharray:none}
    .frame .dot.large{stroke-width:11}
    .frame .bar{fill:var(--tint);fill-opacity:.85}
    .frame .cell{fill:var(--c0);stroke:var(--card);stroke-width:1.5;vector-effect:non-scaling-stroke}
    .blank .frame svg{background:repeating-linear-gradient(135deg,var(--grid) 0 1px,transparent 1px 9px)}
    @container (max-width:24rem){.x .odd{display:none}}
    .heat .frame{grid-template-columns:5.4rem minmax(0,1fr);grid-template-rows:calc(var(--rows)*1.75rem) auto}
    .ramp{display:flex;align-items:center;gap:.5rem;margin-left:auto;color:var(--soft);font-size:.75rem}
    .ramp i{width:6rem;height:.6rem;border-radius:3px;
    background:linear-gradient(90deg,color-mix(in srgb,var(--c0) 6%,var(--card)),var(--c0))}
    .scroll{overflow-x:auto;border:1px solid var(--line);border-radius:12px;background:var(--card)}
    table{width:100%;border-collapse:collapse;font-size:.875rem}
    th,td{padding:.5rem .9rem;text-align:left;vertical-align:top;border-bottom:1px solid var(--line)}
    tr:last-child td,tr:last-child th{border-bottom:0}
    th{font-weight:600}
    thead th{color:var(--soft);font-weight:500;white-space:nowrap}
    td.n,th.n{text-align:right;white-space:nowrap}
    td.name,th.name{white-space:nowrap}
    .score{display:grid;grid-template-columns:4.5rem minmax(0,1fr) 13rem;gap:.35rem .9rem;align-items:center}
    .score svg{display:block;width:100%;height:1.6rem;overflow:visible}
    .score svg path{fill:none;vector-effect:non-scaling-stroke}
    .score .track{stroke:var(--soft);stroke-width:1;stroke-opacity:var(--faint)}
    .score .range{stroke:var(--tint);stroke-width:3;stroke-linecap:round}
    .score .dot{stroke:var(--tint);stroke-width:11;stroke-linecap:round}
    .score span{font-size:.875rem}
    .plain{--tint:var(--soft)}
    .dense :is(th,td){padding:.45rem .6rem}
    .dense :is(th,td):first-child{padding-left:.9rem;position:sticky;left:0;background:var(--card);background-clip:padding-box}
    .dense thead th{white-space:normal;vertical-align:bottom}
    .lead+.card{margin-top:1rem}
    .answers i{vertical-align:middle;margin-right:.2rem}
    .score.named{grid-template-columns:9.5rem minmax(0,1fr) 12rem;margin-top:.7rem}
    .score .scale{grid-column:2;position:relative;height:1.2rem;color:var(--soft);font-size:.75rem;container-type:inline-size}
    .scale b{position:absolute;transform:translateX(-50%);font-weight:400;white-space:nowrap}
    td small{display:block;color:var(--soft);font-size:.75rem;white-space:nowrap}
    td.heat small{color:inherit}
    .card+.scroll,.plot+.scroll,.aside+.scroll,.scroll+.scroll,.advice+.tiles{margin-top:1rem}
    .advice{border-left:3px solid var(--accent)}
    .advice ul{margin:.5rem 0 0;padding-left:1.15rem;font-size:.9375rem}
    .advice li+li{margin-top:.35rem}
    ul.aside{padding-left:1.15rem}
    p+h3{margin:1.3rem 0 .5rem}
    .score+table{margin-top:1rem}
    .score+table :is(th,td):first-child{padding-left:0}
    .verdict{margin:0 0 .2rem;font-size:1.05rem;font-weight:600}
    .better{color:var(--good)}.worse{color:var(--bad)}
    .turn{margin:0 0 .5rem}
    .turn b,.answers b{display:block;color:var(--soft);font-size:.78rem;font-weight:500;line-height:1.5}
    .text{margin:0;font:inherit;font-size:.9rem;white-space:pre-wrap;overflow-wrap:anywhere}
    .turn .text,.answers .text{max-height:18rem;overflow-y:auto}
    .answers small{display:block;margin-top:.2rem;font-size:.78rem}
    .answers details{margin-top:.5rem;padding-top:.4rem}
    .answers{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,11.5rem),1fr));gap:.75rem 1.5rem;
    margin-top:.85rem;padding-top:.85rem;border-top:1px solid var(--line)}
    .same{color:var(--good);font-weight:600}
    details{margin-top:.85rem;padding-top:.7rem;border-top:1px solid var(--line)}
    summary{color:var(--accent);font-size:.84rem;font-weight:600;cursor:pointer}
    details ol{list-style:none;margin:.6rem 0 0;padding:0}
    details li{margin:0 0 .55rem;padding-left:.8rem;border-left:2px solid var(--line)}
    details li b{display:block;color:var(--soft);font-size:.78rem;font-weight:500;line-height:1.5}
    .settings{columns:2;column-gap:1rem}
    .settings .card{break-inside:avoid;margin:0 0 1rem}
    .settings dl{display:grid;grid-template-columns:minmax(0,auto) minmax(0,1fr);margin:.5rem 0 0;font-size:.84rem}
    .settings dt,.settings dd{padding:.24rem 0;border-top:1px solid var(--grid);overflow-wrap:break-word}
    .settings dd{text-align:right;padding-left:.75rem}
    footer{margin-top:2.5rem;padding-top:1rem;border-top:1px solid var(--line);color:var(--soft);
    font-size:.8125rem}
    @media (max-width:1000px){.tiles{grid-template-columns:repeat(3,1fr)}}
    @media (max-width:720px){.grid,.settings{grid-template-columns:minmax(0,1fr);columns:1}
    .legend{margin-left:0;width:100%}.ramp{margin-left:0}.wide:not(.low) .frame{grid-template-rows:15rem auto}
    .score{grid-template-columns:3.5rem minmax(0,1fr)}.score span{grid-column:2}
    .score span:nth-child(3n+1){grid-column:1}.score.named{grid-template-columns:7.5rem minmax(0,1fr)}}
    @media (max-width:480px){.tiles{grid-template-columns:repeat(2,1fr)}.plot,.card{padding:.9rem .95rem}
    .frame{grid-template-columns:2.9rem minmax(0,1fr);padding-right:.5rem}
    .heat .frame{grid-template-columns:4.6rem minmax(0,1fr)}}
    @media print{:root{color-scheme:light;
    --ground:#fff;--card:#fff;--ink:#1b1d20;--soft:#5b626a;--line:#d5d5d0;--grid:#e6e6e2;--accent:#0b6e5a;
    --c0:#1f6fb5;--c1:#b4500a;--c2:#0b7a66;--c3:#7446c9;--c4:#a8326d;--c5:#4f7312;--good:#0b6e4f;--bad:#b3261e;--faint:.75}
    body{font-size:10pt;print-color-adjust:exact;-webkit-print-color-adjust:exact}
    main{max-width:none;padding:0}
    .dense :is(th,td):first-child{position:static}
    .plot,.card,.tiles,.dense,tr{break-inside:avoid}h2{break-after:avoid}
    .turn .text,.answers .text{max-height:none;overflow:visible}.scroll{overflow:visible}}
    """
}
