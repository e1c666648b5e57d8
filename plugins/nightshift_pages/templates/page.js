// Airflow keeps the chosen theme here; without a choice the style follows the system.
const applyTheme = () => {
  const theme = localStorage.getItem("theme");
  if (theme === "dark" || theme === "light") document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
};
addEventListener("storage", applyTheme);
applyTheme();

// Airflow's frame may not navigate the window, so the window's own document follows the link.
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[target=_top]");
  if (!link || parent === window || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  const outside = parent.document.createElement("a");
  outside.href = link.href;
  outside.click();
});
