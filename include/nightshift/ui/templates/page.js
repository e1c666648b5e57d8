// Airflow keeps the chosen theme here; without a choice the style follows the system.
const applyTheme = () => {
  const theme = localStorage.getItem("theme");
  if (theme === "dark" || theme === "light") document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
};
addEventListener("storage", applyTheme);
applyTheme();

// Airflow's frame may neither navigate the window nor open another, so the window's own document follows the link.
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[target]");
  if (!link || parent === window || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  const outside = parent.document.createElement("a");
  Object.assign(outside, { href: link.href, target: link.target, rel: link.rel });
  outside.click();
});
