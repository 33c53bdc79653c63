/** The look of the report, in the reader's light or dark. */
export const pageStyle = `
:root{color-scheme:light dark;--page:#f6f6f4;--card:#fff;--ink:#16181d;--soft:#5c626d;--rule:#e3e3df;
--grid:#e9e9e5;--shade:#f0efeb;--s1:#2a6fd0;--s2:#d1591f;--s3:#0f8f66;--good:#0f7a4d;--bad:#c02f2f;
--over:#16181d;--h1:#e3edfb;--h2:#c4d9f5;--h3:#a0c1ee;--h4:#79a7e5;--h5:#528bda;--h6:#306fc8;--h7:#1d55a6;
--h8:#123c7c}
@media(prefers-color-scheme:dark){:root{--page:#121316;--card:#1b1d21;--ink:#eceef2;--soft:#a0a7b4;
--rule:#2e3138;--grid:#2a2d33;--shade:#22252a;--s1:#6aa5f5;--s2:#f08a55;--s3:#3fc496;--good:#4fcf95;
--bad:#ff7b7b;--over:#fff;--h1:#1d2c45;--h2:#1f3b66;--h3:#224c88;--h4:#2a62ad;--h5:#397bd0;--h6:#5a9aea;
--h7:#8fbdf6;--h8:#cfe3ff}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",
Roboto,"Helvetica Neue",Arial,sans-serif}
main{max-width:1040px;margin:0 auto;padding:28px 20px 60px}
h1{font-size:24px;line-height:1.25;margin:0 0 4px;font-weight:650}
h2{font-size:16px;margin:0 0 10px;font-weight:620}
.sub{color:var(--soft);margin:0 0 18px}
section{background:var(--card);border:1px solid var(--rule);border-radius:10px;padding:18px 20px;margin:0 0 16px}
.verdict{display:flex;gap:10px;align-items:baseline;border-left:4px solid var(--good)}
.verdict.bad{border-left-color:var(--bad)}.verdict.open{border-left-color:var(--soft)}
.verdict b{color:var(--good)}.verdict.bad b{color:var(--bad)}.verdict.open b{color:var(--soft)}
.verdict b,.verdict span{display:inline}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:12px;margin:0 0 16px}
.tile{background:var(--card);border:1px solid var(--rule);border-radius:10px;padding:12px 16px}
.tile dt{color:var(--soft);font-size:13px}
.tile dd{margin:2px 0 0;font-size:24px;font-weight:600;font-variant-numeric:tabular-nums}
.tile dd small{font-size:14px;font-weight:400;color:var(--soft)}
dl{margin:0}
svg{display:block;width:100%;height:auto;overflow:visible}
svg.small{width:200px;height:34px}
.grid{stroke:var(--grid);stroke-width:1}
.tick{fill:var(--soft);font-size:12px;font-variant-numeric:tabular-nums}
.end{text-anchor:end}.mid{text-anchor:middle}
.warmup{fill:var(--shade)}
.line{fill:none;stroke-width:2;stroke-linejoin:round;stroke-linecap:round}
.over{fill:none;stroke:var(--over);stroke-width:1.6;stroke-linejoin:round}
.p99{stroke:var(--s2);stroke-width:2}
.s1{stroke:var(--s1)}.s2{stroke:var(--s2)}.s3{stroke:var(--s3)}
.area{opacity:.18}.a1{fill:var(--s1)}.a3{fill:var(--s3)}
.h1{fill:var(--h1)}.h2{fill:var(--h2)}.h3{fill:var(--h3)}.h4{fill:var(--h4)}
.h5{fill:var(--h5)}.h6{fill:var(--h6)}.h7{fill:var(--h7)}.h8{fill:var(--h8)}
.legend{display:flex;flex-wrap:wrap;gap:4px 18px;margin:0 0 6px;color:var(--soft);font-size:13px}
.legend i{display:inline-block;width:14px;height:3px;border-radius:2px;margin-right:6px;vertical-align:middle}
.k1{background:var(--s1)}.k2,.kp99{background:var(--s2)}.k3{background:var(--s3)}.kp50{background:var(--over)}
.ramp{margin-left:auto}.legend .ramp i{height:11px;width:16px;margin:0;border-radius:0}
.b1{background:var(--h1)}.b2{background:var(--h2)}.b3{background:var(--h3)}.b4{background:var(--h4)}
.b5{background:var(--h5)}.b6{background:var(--h6)}.b7{background:var(--h7)}.b8{background:var(--h8)}
table{border-collapse:collapse;width:100%;font-size:14px}
th,td{padding:6px 10px;text-align:left;border-bottom:1px solid var(--rule);vertical-align:middle}
tr:last-child>*{border-bottom:0}
thead th{color:var(--soft);font-weight:500;font-size:13px;vertical-align:bottom}
tbody th{font-weight:500}
tfoot>tr>*{border-top:2px solid var(--rule);font-weight:600}
.n{text-align:right;font-variant-numeric:tabular-nums}
.wide{overflow-x:auto}
.pair{display:grid;grid-template-columns:repeat(auto-fit,minmax(300px,1fr));gap:0 32px;align-items:start}
.none{color:var(--soft);margin:0}
.id{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;font-size:12px}
`
